import { AmqpError } from "../../amqp/amqp-error.ts";
import type { AttachRequest } from "../../amqp/attach-request.ts";
import { ACCEPTED, rejected } from "../../amqp/delivery-state.ts";
import type { IncomingDelivery, IncomingLink } from "../../amqp/incoming-link.ts";
import { argumentError, serverBusy, tooLarge } from "../conditions.ts";
import { type EventMessage, readEvents } from "../event-message.ts";
import type { FaultPlan } from "../fault-plan.ts";
import type { Hub } from "../hub.ts";
import { IDEMPOTENT_PRODUCER, readClaim, writeClaim } from "../idempotent-producers.ts";
import type { Partition } from "../partition.ts";

/** A sender to a hub, or to one partition of it. Each transfer is taken whole or refused whole. Throws when its claim as a producer is refused. */
export function acceptSender(
  request: AttachRequest,
  hub: Hub,
  partition: Partition | undefined,
  faults: FaultPlan,
  onClosed: () => void,
): IncomingLink {
  const { maxMessageBytes } = hub.settings;
  const isIdempotent = request.desiredCapabilities.includes(IDEMPOTENT_PRODUCER);
  if (isIdempotent && partition === undefined)
    throw argumentError("An idempotent producer publishes to one partition, not to the hub.");
  const properties = isIdempotent ? writeClaim(partition!.producers.attach(readClaim(request.properties))) : undefined;
  const append = (events: readonly EventMessage[]) => hub.append(events, partition);
  const take = ({ tooLarge: isTooLarge, payload, format }: IncomingDelivery) => {
    if (faults.isBusy) throw serverBusy();
    if (isTooLarge) throw tooLarge(maxMessageBytes);
    const events = readEvents(payload, format);
    if (isIdempotent) partition!.producers.publish(events, () => append(events));
    else append(events);
  };
  return request.acceptSender(
    {
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
    },
    properties && { properties },
  );
}
