import type { ReceiverCapabilities, SenderCapabilities } from "@waybill/core/spi";

/** Of the text of one message, after encoding, in bytes. */
export const MAX_MESSAGE_BYTES = 65_536;
/** The service refuses a longer visibility, in seconds. */
export const MAX_VISIBILITY_S = 7 * 24 * 60 * 60;
/** Messages of one receive or peek call. */
export const MAX_PER_CALL = 32;

const SEND_BATCH = 64;

export const senderCapabilities: SenderCapabilities = {
  schedule: { maxDelayMs: MAX_VISIBILITY_S * 1_000 },
  headers: false,
  fanOut: false,
  dedupe: false,
  // There is no order to change.
  overlap: true,
  maxSendBatch: SEND_BATCH,
  maxSendBatchBytes: SEND_BATCH * MAX_MESSAGE_BYTES,
  maxMessageBytes: MAX_MESSAGE_BYTES,
};

/** `visibilityMs` is a whole number of seconds. */
export function receiverCapabilities(visibilityMs: number): ReceiverCapabilities {
  return {
    settle: "each",
    order: "none",
    lease: { ms: visibilityMs, renewable: true },
    release: { maxDelayMs: MAX_VISIBILITY_S * 1_000 },
    reject: false,
    settleCost: "io",
    maxReceiveBatch: MAX_PER_CALL,
    keepsAttempt: true,
  };
}
