import { defineEvent, type NewEvent, type RawCloudEvent } from "@waybill/core";
import { expect, test } from "vitest";
import { newRow, newRows } from "./new-row.ts";

const refuse = { issues: [{ message: "never" }] };
const standard = <T>(validate: () => T) => ({ "~standard": { version: 1, vendor: "test", validate } }) as never;
const late = defineEvent(
  "late",
  standard(async () => refuse),
);
const atOnce = defineEvent(
  "at-once",
  standard(() => refuse),
);

test("an event refused at once leaves no rejection behind of one that is still being checked", async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown) => unhandled.push(error);
  process.on("unhandledRejection", note);
  try {
    expect(() => newRows("notes", [late({}), atOnce({})], "/s", 0)).toThrow("WB_EVENT_INVALID");
    // Node tells of rejections that nobody handled at the end of a turn.
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off("unhandledRejection", note);
  }
  expect(unhandled).toEqual([]);
});

test("a time that cannot be read is refused, and not due at once", () => {
  const event = { specversion: "1.0", id: "1", source: "/s", type: "t" } as const;
  for (const notBefore of [new Date("2030-13-45"), new Date(Number.NaN), "tomorrow" as never]) {
    expect(() => newRow("notes", event, notBefore, 0)).toThrow("notBefore");
  }
  expect(newRow("notes", event, new Date(5), 10).notBeforeMs).toBeUndefined();
  expect(newRow("notes", event, new Date(50), 10).notBeforeMs).toBe(50);
});

test("what a type checker would refuse is refused with words", () => {
  const refused = (event: unknown) => () => newRow("orders", event as RawCloudEvent, undefined, 0);
  for (const event of [null, undefined, 5, "event"]) {
    expect(refused(event)).toThrow(expect.objectContaining({ code: "WB_OUTBOX_EVENT" }));
    expect(() => newRows("orders", [event as unknown as NewEvent], "/s", 0)).toThrow(/no CloudEvent/);
  }
  const numbered = { specversion: "1.0", id: "1", source: "/s", type: "t", partitionkey: 5 };
  expect(refused(numbered)).toThrow(/partitionkey is no text/);
});
