import type { DeadLetterReason } from "../spi/delivery.ts";
import type { WireMessage } from "../spi/wire-message.ts";

/** A dead letter taken apart: the original as it was, and why it was given up. */
export interface DeadLetter {
  readonly original: WireMessage;
  /** Absent when the record holds only the original, because both did not fit. */
  readonly reason: DeadLetterReason | undefined;
}
