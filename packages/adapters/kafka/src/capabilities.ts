import type { ReceiverCapabilities, SenderCapabilities } from "@waybill/core/spi";

/** The broker's default of `message.max.bytes`, for topics whose setting this client may not read. */
export const DEFAULT_MAX_MESSAGE_BYTES = 1_048_588;
/** A send blocks the event loop while it is encoded: 0.29 s for 10 000 messages, measured. */
const MAX_SEND_BATCH = 1_000;
const MAX_RECEIVE_BATCH = 500;

/** The share of each partition is one record batch, so that all of a send must fit into one. */
export function senderCapabilities(maxMessageBytes: number): SenderCapabilities {
  return {
    schedule: false,
    headers: true,
    fanOut: true,
    dedupe: false,
    overlap: false,
    stopsKeys: true,
    maxSendBatch: MAX_SEND_BATCH,
    maxSendBatchBytes: maxMessageBytes,
    maxMessageBytes,
  };
}

export const receiverCapabilities: ReceiverCapabilities = {
  settle: "upTo",
  order: "lane",
  lease: false,
  release: false,
  reject: false,
  settleCost: "cheap",
  maxReceiveBatch: MAX_RECEIVE_BATCH,
};
