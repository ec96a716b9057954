import { createHash, randomInt } from "node:crypto";
import type { NewEvent, RawCloudEvent } from "@waybill/core";
import { checkAttributes, checkLogicalName, toCloudEvent } from "@waybill/core/spi";
import { eventText } from "./event-text.ts";
import type { NewRow } from "./store.ts";

const BUCKETS = 64;

/** Rows of new events, validated. A promise only where a schema validates asynchronously. */
export function newRows(
  topic: string,
  events: readonly NewEvent[],
  source: string,
  nowMs: number,
): NewRow[] | Promise<NewRow[]> {
  const made = events.map((event) => toCloudEvent(event, source));
  const rows = (complete: RawCloudEvent[]) =>
    complete.map((event, i) => newRow(topic, event, events[i]!.notBefore, nowMs));
  return made.some((one) => one instanceof Promise) ? Promise.all(made).then(rows) : rows(made as RawCloudEvent[]);
}

/** The row of an event that is complete. What the broker would refuse for ever is refused here, while the caller can still act. */
export function newRow(topic: string, event: RawCloudEvent, notBefore: Date | undefined, nowMs: number): NewRow {
  checkLogicalName("topic", topic);
  checkAttributes(event);
  const key = event.partitionkey;
  const notBeforeMs = notBefore?.getTime();
  return {
    topic,
    key,
    bucket: key === undefined ? randomInt(BUCKETS) : createHash("sha1").update(key).digest()[0]! % BUCKETS,
    event: eventText(event),
    notBeforeMs: notBeforeMs !== undefined && notBeforeMs > nowMs ? notBeforeMs : undefined,
  };
}
