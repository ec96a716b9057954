import { createHash, randomInt } from "node:crypto";
import type { NewEvent, RawCloudEvent } from "@waybill/core";
import { checkAttributes, checkLogicalName, toCloudEvent } from "@waybill/core/spi";
import { eventText } from "./event-text.ts";
import { outboxErrors } from "./outbox-errors.ts";
import { BUCKETS, type NewRow } from "./store.ts";

/** Rows of new events, validated. A promise only where a schema validates asynchronously. */
export function newRows(
  topic: string,
  events: readonly NewEvent[],
  source: string,
  nowMs: number,
): NewRow[] | Promise<NewRow[]> {
  const made: (RawCloudEvent | Promise<RawCloudEvent>)[] = [];
  try {
    for (const event of events) {
      checkIsObject(event);
      made.push(toCloudEvent(event, source));
    }
  } catch (error) {
    // Those still being checked are not waited for; what becomes of them must not end the process.
    for (const one of made) if (one instanceof Promise) one.catch(() => undefined);
    throw error;
  }
  const rows = (complete: RawCloudEvent[]) =>
    complete.map((event, i) => newRow(topic, event, events[i]!.notBefore, nowMs));
  return made.some((one) => one instanceof Promise) ? Promise.all(made).then(rows) : rows(made as RawCloudEvent[]);
}

/** The row of an event that is complete. What the broker would refuse for ever is refused here, while the caller can still act. */
export function newRow(topic: string, event: RawCloudEvent, notBefore: Date | undefined, nowMs: number): NewRow {
  checkLogicalName("topic", topic);
  checkIsObject(event);
  checkAttributes(event);
  const key: unknown = event.partitionkey;
  if (key !== undefined && typeof key !== "string") {
    throw outboxErrors.WB_OUTBOX_EVENT({ type: event.type, problem: "its partitionkey is no text" });
  }
  const notBeforeMs = timeOf(notBefore);
  return {
    topic,
    key,
    bucket: key === undefined ? randomInt(BUCKETS) : createHash("sha1").update(key).digest()[0]! % BUCKETS,
    event: eventText(event),
    notBeforeMs: notBeforeMs !== undefined && notBeforeMs > nowMs ? notBeforeMs : undefined,
  };
}

/** For callers without a type checker. */
function checkIsObject(event: unknown): void {
  if (typeof event === "object" && event !== null) return;
  throw outboxErrors.WB_OUTBOX_EVENT({ type: String(event), problem: "it is no CloudEvent" });
}

function timeOf(notBefore: Date | undefined): number | undefined {
  if (notBefore === undefined) return undefined;
  const ms = notBefore instanceof Date ? notBefore.getTime() : Number.NaN;
  // Due now is the last thing that a date which could not be read may mean.
  if (Number.isNaN(ms)) throw outboxErrors.WB_OUTBOX_OPTION({ option: "notBefore", problem: "must be a valid Date" });
  return ms;
}
