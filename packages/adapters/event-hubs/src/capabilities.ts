import type { ReceiverCapabilities, SenderCapabilities } from "@waybill/core/spi";

/** Events of one `send`; they go out as one AMQP batch for each key. */
const MAX_SEND_BATCH = 1_000;
/** Of one `send`, over all its AMQP batches. */
const MAX_SEND_BATCH_BYTES = 4 * 1024 * 1024;

/** One event, and one batch, on all tiers above Basic. Source: Event Hubs quotas. */
export const STANDARD_BYTES = 1024 * 1024;

/** `maxMessageBytes` is what the hub's own link says: 256 KiB on the Basic tier, else 1 MiB, more where the namespace is set so. */
export function senderCapabilities(maxMessageBytes: number): SenderCapabilities {
  return {
    schedule: false,
    headers: true,
    fanOut: true,
    dedupe: false,
    // A failed call that is sent again would come after the one that overlapped it.
    overlap: false,
    stopsKeys: true,
    maxSendBatch: MAX_SEND_BATCH,
    maxSendBatchBytes: Math.max(MAX_SEND_BATCH_BYTES, maxMessageBytes),
    maxMessageBytes,
  };
}

export const receiverCapabilities: ReceiverCapabilities = {
  settle: "upTo",
  order: "lane",
  lease: false,
  release: false,
  reject: false,
  // A checkpoint is a blob write.
  settleCost: "io",
  maxReceiveBatch: 500,
};
