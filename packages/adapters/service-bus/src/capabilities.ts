import type { ReceiverCapabilities, SenderCapabilities } from "@waybill/core/spi";
import type { Settings } from "./options.ts";

/** A batch takes no more than this, on entities for larger messages too. Source: Service Bus Premium messaging, large messages. */
export const MAX_BATCH_BYTES = 1024 * 1024;
/** One message on the Basic and Standard tiers. Source: Service Bus quotas. */
export const STANDARD_BYTES = 256 * 1024;
/** All that stands before the body of one message: application properties, ids, and what the service adds. Source: Service Bus quotas. */
export const MAX_HEADER_BYTES = 64 * 1024;
/** One application property's value. The quotas say 32 KB; the service counts its bytes in 15 bits. Source: the format in WindowsAzure.ServiceBus. */
export const MAX_PROPERTY_BYTES = 32 * 1024 - 1;
/** Reason and description of a dead letter, each. Source: the .NET SDK's constant; the JS SDK does not check. */
export const MAX_REASON_LENGTH = 4_096;
/** Message, session and partition ids. Source: Service Bus quotas. */
export const MAX_ID_LENGTH = 128;

const MAX_SEND_BATCH = 1_000;
/** Of one `receive`. */
export const MAX_RECEIVE_BATCH = 256;
const TEN_YEARS_MS = 3_650 * 86_400_000;

/** `linkBytes` is what the entity's link says of itself when it opens. */
export function senderCapabilities(
  linkBytes: number,
  settings: Pick<Settings, "sessions" | "duplicateDetectionMs">,
  dedupe: boolean,
): SenderCapabilities {
  return {
    schedule: { maxDelayMs: TEN_YEARS_MS },
    headers: true,
    fanOut: true,
    dedupe,
    // Without sessions there is no order to change.
    overlap: settings.sessions === "none",
    maxSendBatch: MAX_SEND_BATCH,
    maxSendBatchBytes: Math.min(linkBytes, MAX_BATCH_BYTES),
    maxMessageBytes: linkBytes,
  };
}

export function receiverCapabilities(
  lockMs: number,
  kind: { readonly laned: boolean; readonly dead: boolean },
): ReceiverCapabilities {
  return {
    settle: "each",
    order: kind.laned ? "lane" : "none",
    lease: { ms: lockMs, renewable: true },
    release: "now",
    reject: !kind.dead,
    settleCost: "cheap",
    maxReceiveBatch: MAX_RECEIVE_BATCH,
    keepsAttempt: true,
  };
}
