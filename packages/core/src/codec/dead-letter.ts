import type { DeadLetterReason } from "../spi/delivery.ts";
import type { OutboundMessage, WireMessage } from "../spi/wire-message.ts";

/** A dead letter taken apart: the original as it was, and why it was given up. */
export interface DeadLetter {
  readonly original: WireMessage;
  /** Absent when the record holds only the original, because both did not fit. */
  readonly reason: DeadLetterReason | undefined;
}

/**
 * The dead-letter record for a message: the original untouched, and the reason beside it. With `headers`, as `wb*` headers; without, as a
 * wrapper document that holds the original's exact bytes. `fits` says whether a candidate is within the destination's limit: the error text is cut
 * first; when even an empty one does not fit, the original alone is returned.
 */
export function encodeDeadLetter(
  _original: WireMessage,
  _reason: DeadLetterReason,
  _options: { headers: boolean; fits: (message: OutboundMessage) => boolean },
): OutboundMessage {
  throw new Error("codec helper writes this");
}

/** The inverse of {@link encodeDeadLetter}; a message that is no record is its own original, without a reason. */
export function decodeDeadLetter(_record: WireMessage): DeadLetter {
  throw new Error("codec helper writes this");
}
