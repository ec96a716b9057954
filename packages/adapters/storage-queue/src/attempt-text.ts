import { createCodec, type WireMessage } from "@waybill/core/spi";
import { fits, toText } from "./mapping.ts";
import type { Encoding } from "./options.ts";

const codec = createCodec();

/**
 * The text that a released message gets, so that its next delivery reports `attempt`; undefined where the text must stay as it is: no
 * event, or no room left in 64 KiB (our own senders leave it). The other bookkeeping and every byte of the event stay.
 */
export function attemptText(message: WireMessage, attempt: number, encoding: Encoding): string | undefined {
  try {
    const { bookkeeping } = codec.decode(message);
    const { body } = codec.withBookkeeping(message, { ...bookkeeping, attempt });
    const text = toText({ ...message, body }, encoding);
    return fits(text) ? text : undefined;
  } catch {
    // A message that cannot carry its attempt is released all the same; the broker's own count bounds its deliveries.
    return undefined;
  }
}
