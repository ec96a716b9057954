import { AmqpError } from "../../amqp/amqp-error.ts";
import type { AttachRequest } from "../../amqp/attach-request.ts";
import { Decoder } from "../../amqp/decode.ts";
import { ACCEPTED, rejected } from "../../amqp/delivery-state.ts";
import type { IncomingDelivery, IncomingLink } from "../../amqp/incoming-link.ts";
import type { Broker } from "../broker/broker.ts";
import { serverBusy, tooLarge } from "../broker/conditions.ts";
import { type Content, readContent } from "../broker/content.ts";
import type { QueueEntity, TopicEntity } from "../broker/entity.ts";

/** Messages of a batch are data sections of one message in this format. */
const BATCH_FORMAT = 0x80013700;
const DATA_SECTION = 0x75;

export interface Throttle {
  readonly isBusy: boolean;
}

export interface SendOptions {
  readonly onClosed: () => void;
  readonly onActivity: () => void;
}

/** A sender: each transfer is taken whole or refused whole. */
export function acceptSender(
  request: AttachRequest,
  broker: Broker,
  entity: QueueEntity | TopicEntity,
  throttle: Throttle,
  { onClosed, onActivity }: SendOptions,
): IncomingLink {
  const maxMessageSize = entity.settings.maxMessageSizeInKilobytes * 1024;
  const take = (delivery: IncomingDelivery) => {
    onActivity();
    if (throttle.isBusy) throw serverBusy();
    if (delivery.tooLarge) throw tooLarge(maxMessageSize + 1, maxMessageSize);
    const contents = delivery.format === BATCH_FORMAT ? readBatch(delivery.payload) : [readContent(delivery.payload)];
    broker.router.send(entity, contents);
  };
  return request.acceptSender({
    maxMessageSize,
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

function readBatch(payload: Buffer): Content[] {
  const decoder = new Decoder(payload);
  const contents: Content[] = [];
  while (decoder.remaining > 0) {
    const descriptor = decoder.descriptor();
    if (descriptor !== DATA_SECTION && descriptor !== "amqp:data:binary") {
      decoder.skip();
      continue;
    }
    const inner = decoder.value();
    if (!Buffer.isBuffer(inner)) throw new AmqpError("amqp:decode-error", "A batch holds encoded messages.");
    contents.push(readContent(inner));
  }
  if (contents.length === 0) throw new AmqpError("amqp:decode-error", "A batch without messages.");
  return contents;
}
