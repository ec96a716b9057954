import type { DeadLetterReason } from "../spi/delivery.ts";
import type { OutboundMessage, WireMessage } from "../spi/wire-message.ts";
import type { DeadLetter } from "./dead-letter.ts";
import { recordHeaders, splitRecordHeaders } from "./dead-letter-headers.ts";
import { cleanReason } from "./dead-letter-reason.ts";
import { readWrapper, wrapperOf } from "./dead-letter-wrapper.ts";

/**
 * The dead-letter record for a message: the original untouched, and the reason beside it. With `headers`, as `wb*` headers; without, as a
 * wrapper document that holds the original's exact bytes. `fits` says whether a candidate is within the destination's limit: the error text is cut
 * first; when even an empty one does not fit, the original alone is returned.
 */
export function encodeDeadLetter(
  original: WireMessage,
  reason: DeadLetterReason,
  options: { headers: boolean; fits: (message: OutboundMessage) => boolean },
): OutboundMessage {
  const { fits } = options;
  const clean = cleanReason(reason);
  const write = options.headers
    ? (error: string) => ({ ...original, headers: recordHeaders(original.headers, { ...clean, error }) })
    : wrapperOf(original, clean);
  const whole = write(clean.error);
  if (fits(whole)) return whole;
  let best = write("");
  if (!fits(best)) return original;
  // `fitting` characters fit, `tooLong` do not.
  let fitting = 0;
  let tooLong = clean.error.length;
  while (tooLong - fitting > 1) {
    const middle = (fitting + tooLong) >>> 1;
    const candidate = write(cut(clean.error, middle));
    if (fits(candidate)) {
      fitting = middle;
      best = candidate;
    } else {
      tooLong = middle;
    }
  }
  return best;
}

/**
 * The inverse of {@link encodeDeadLetter}; a message that is no record is its own original, without a reason. Only `wbreason` must be there:
 * what a broker dead-lettered by itself may lack the rest, and has empty texts and 0 attempts.
 */
export function decodeDeadLetter(record: WireMessage): DeadLetter {
  return splitRecordHeaders(record) ?? readWrapper(record) ?? { original: record, reason: undefined };
}

/** The first `length` code units, one less where that would halve a surrogate pair. */
function cut(text: string, length: number): string {
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? length - 1 : length);
}
