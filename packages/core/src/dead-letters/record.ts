import { createHash } from "node:crypto";
import type { Codec } from "../codec/codec.ts";
import { decodeDeadLetter } from "../codec/dead-letter-record.ts";
import type { RawCloudEvent } from "../events/cloud-event.ts";
import type { DeadLetterReason } from "../spi/delivery.ts";
import type { WireMessage } from "../spi/wire-message.ts";

/** One event that was given up. */
export interface DeadLetterRecord {
  /** The event's id, or the broker's for what is no event. */
  readonly id: string;
  /** Absent when the original is no event. */
  readonly event: RawCloudEvent | undefined;
  readonly original: WireMessage;
  /** Absent when the record had no room for it. */
  readonly reason: DeadLetterReason | undefined;
  /** How often it was put back to work; 0 as well where it had no room to say so. */
  readonly redrives: number;
}

export function recordOf(codec: Codec, message: WireMessage): DeadLetterRecord {
  const { original, reason } = decodeDeadLetter(message);
  try {
    const { event, bookkeeping } = codec.decode(original);
    return { id: event.id, event, original, reason, redrives: bookkeeping.redrives ?? 0 };
  } catch {
    return { id: original.id, event: undefined, original, reason, redrives: 0 };
  }
}

/** What is no event often has no id of its own. */
export function identity({ id, event, original }: DeadLetterRecord): readonly [string, string] {
  return [event?.source ?? digest(original.body), id];
}

export function givenUpMs({ reason }: DeadLetterRecord): number {
  return reason === undefined ? Number.NEGATIVE_INFINITY : Date.parse(reason.time);
}

function digest(bytes: Uint8Array | null): string {
  return createHash("sha256")
    .update(bytes ?? "")
    .digest("hex");
}
