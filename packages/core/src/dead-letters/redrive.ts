import type { Codec } from "../codec/codec.ts";
import { isWaybillError } from "../errors/waybill-error.ts";
import type { MessageWriter } from "../publish/message-writer.ts";
import type { WireMessage } from "../spi/wire-message.ts";
import { type DeadLetterRecord, givenUpMs, identity } from "./record.ts";

/**
 * What a walk has put back to work and finds again, also within the millisecond in which it began and from a consumer whose clock is behind: by its
 * count of redrives. Where that had no room, by the time alone.
 */
export function createRedriven(startedMs: number): {
  add(record: DeadLetterRecord): void;
  isBack(record: DeadLetterRecord): boolean;
} {
  const before = new Map<string, number>();
  const keyOf = (record: DeadLetterRecord) => JSON.stringify(identity(record));
  return {
    add: (record) => void before.set(keyOf(record), record.redrives),
    isBack: (record) => {
      const redrives = before.get(keyOf(record));
      return redrives !== undefined && (record.redrives > redrives || givenUpMs(record) >= startedMs);
    },
  };
}

export async function redrive(codec: Codec, target: MessageWriter, { original }: DeadLetterRecord): Promise<void> {
  const { message, redrives } = unmarked(codec, target, original);
  // What is no event has no place for a mark without headers.
  const hasPlace = redrives !== undefined || target.capabilities.headers;
  const withMarks = (marks: { redrives?: number }) => (hasPlace ? codec.withBookkeeping(message, marks) : message);
  let outcome = await target.write(withMarks({ redrives: (redrives ?? 0) + 1 }));
  // It has been published, and so fits: without the mark, where there is no room for that.
  if (!outcome.ok && isWaybillError(outcome.error, "WB_EVENT_TOO_LARGE")) outcome = await target.write(withMarks({}));
  if (!outcome.ok) throw outcome.error;
}

function unmarked(codec: Codec, { capabilities }: MessageWriter, original: WireMessage) {
  try {
    const { event, bookkeeping } = codec.decode(original);
    // A broker without headers cannot carry a binary-mode original as it is.
    const message =
      capabilities.headers || Object.keys(original.headers).length === 0
        ? original
        : codec.encode(event, { headers: false });
    return { message, redrives: bookkeeping.redrives ?? 0 };
  } catch {
    // What is no event goes back byte for byte: the subscription decides anew.
    return { message: original, redrives: undefined };
  }
}
