import { AmqpError } from "../../amqp/amqp-error.ts";
import type { AttachRequest } from "../../amqp/attach-request.ts";
import { ACCEPTED, rejected } from "../../amqp/delivery-state.ts";
import type { IncomingDelivery, IncomingLink } from "../../amqp/incoming-link.ts";
import { serverBusy, tooLarge } from "../conditions.ts";
import { readEvents } from "../event-message.ts";
import type { FaultPlan } from "../fault-plan.ts";
import type { Hub } from "../hub.ts";
import type { Partition } from "../partition.ts";

/** A sender to a hub, or to one partition of it. Each transfer is taken whole or refused whole. */
export function acceptSender(
  request: AttachRequest,
  hub: Hub,
  partition: Partition | undefined,
  faults: FaultPlan,
  onClosed: () => void,
): IncomingLink {
  const { maxMessageBytes } = hub.settings;
  const take = ({ tooLarge: isTooLarge, payload, format }: IncomingDelivery) => {
    if (faults.isBusy) throw serverBusy();
    if (isTooLarge) throw tooLarge(maxMessageBytes);
    hub.append(readEvents(payload, format), partition);
  };
  return request.acceptSender({
    maxMessageSize: maxMessageBytes,
    onClosed,
    onDelivery: (delivery) => {
      try {
        take(delivery);
        delivery.settle(ACCEPTED);
      } catch (error) {
        if (!(error instanceof AmqpError)) throw error;
        delivery.settle(rejected(error));
      }
    },
  });
}
