import type { RawCloudEvent } from "@waybill/core";
import { createCodec } from "@waybill/core/spi";
import type { Take } from "./webhook.ts";

/**
 * Stores first: the answer is sent as soon as `store` has resolved, and what is then done with the event is not the sender's business any more. `store` must
 * resolve only once the event is durable, and take an event that comes again for the same one; its rejection, or `"busy"`, has the event delivered again.
 */
export function storing(store: (event: RawCloudEvent, signal: AbortSignal) => Promise<unknown>): Take {
  const codec = createCodec();
  return async ({ message, signal }) => {
    let event: RawCloudEvent;
    try {
      ({ event } = codec.decode(message));
    } catch {
      // The service delivers events only; whatever this is, no store of events has a place for it.
      return { kind: "reject" };
    }
    const stored = await store(event, signal);
    return { kind: stored === "busy" ? "release" : "ack" };
  };
}
