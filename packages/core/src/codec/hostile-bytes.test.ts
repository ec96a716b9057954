import fc from "fast-check";
import { expect, test } from "vitest";
import { isWaybillError } from "../errors/waybill-error.ts";
import type { WireMessage } from "../spi/wire-message.ts";
import { anyEvent, anyUnits } from "./any-event.test.fixture.ts";
import { createCodec } from "./create-codec.ts";

const codec = createCodec();

/** Reads it: an event, or the one refusal. Then treats it as retry and redrive would. */
function survive(message: WireMessage): boolean {
  let read = true;
  try {
    const { event } = codec.decode(message);
    expect(event.specversion).toBe("1.0");
    expect(Object.getPrototypeOf(event)).toBe(Object.prototype);
  } catch (error) {
    if (!isWaybillError(error, "WB_EVENT_UNDECODABLE")) throw error;
    read = false;
  }
  const copy = codec.withBookkeeping(message, { attempt: 2 });
  // What was an event is one still.
  if (read) expect(codec.decode(copy).bookkeeping.attempt).toBeGreaterThanOrEqual(2);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  return read;
}

const contentType = fc.oneof(
  fc.constantFrom(
    undefined,
    "",
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "application/cloudevents+xml",
    "application/json",
    "text/plain",
    "text/plain; charset=utf-16",
    "image/png",
    ";",
  ),
  anyUnits,
);
const mutation = fc.record({
  at: fc.nat(),
  remove: fc.nat(8),
  insert: fc.oneof(
    fc.uint8Array({ maxLength: 8 }),
    fc.constantFrom(
      ...['"', "{", "}", ",", "\\u", "null", '"__proto__":', '"data":1,', '"wbattempt":"2",'].map((text) =>
        Buffer.from(text),
      ),
    ),
  ),
});

function mutate(body: Uint8Array, mutations: { at: number; remove: number; insert: Uint8Array }[]): Uint8Array {
  let bytes = Buffer.from(body);
  for (const { at, remove, insert } of mutations) {
    const start = at % (bytes.length + 1);
    bytes = Buffer.concat([bytes.subarray(0, start), insert, bytes.subarray(start + remove)]);
  }
  return bytes;
}

const headers = fc
  .array(
    fc.tuple(
      fc.oneof(
        fc.constantFrom(
          "ce_specversion",
          "ce_id",
          "CE_TYPE",
          "ce_source",
          "cloudEvents:id",
          "ce_",
          "ce___proto__",
          "__proto__",
          "content-type",
          "wbtypes",
          "wbattempt",
          "ce_constructor",
        ),
        fc.string({ maxLength: 10 }),
      ),
      fc.oneof(
        fc.constantFrom("1.0", "", "a=i,b=b", "application/cloudevents+json"),
        anyUnits,
        fc.uint8Array({ maxLength: 6 }),
      ),
    ),
    { maxLength: 8 },
  )
  .map((entries) => Object.fromEntries(entries));

test("random bytes and headers", () => {
  fc.assert(
    fc.property(fc.option(fc.uint8Array({ maxLength: 60 })), headers, contentType, (body, given, type) => {
      survive({ id: "1", body, headers: given, contentType: type });
    }),
    { numRuns: 2000 },
  );
});

test("valid documents with a few bytes changed, inserted, removed", () => {
  let accepted = 0;
  fc.assert(
    fc.property(
      anyEvent,
      fc.array(mutation, { maxLength: 3 }),
      contentType,
      fc.boolean(),
      (event, mutations, type, base64) => {
        const body = mutate(codec.encode(event, { headers: false }).body!, mutations);
        const text = base64 ? Buffer.from(Buffer.from(body).toString("base64")) : body;
        if (survive({ id: "1", headers: {}, contentType: type, body: text })) accepted++;
      },
    ),
    { numRuns: 2000 },
  );
  // Both sides were exercised.
  expect(accepted).toBeGreaterThan(100);
  expect(accepted).toBeLessThan(1900);
});

test("events in binary mode with changed headers and body", () => {
  fc.assert(
    fc.property(anyEvent, headers, fc.array(mutation, { maxLength: 2 }), (event, given, mutations) => {
      const message = codec.encode(event, { headers: true });
      const body = message.body === null ? null : mutate(message.body, mutations);
      survive({ ...message, body, headers: { ...message.headers, ...given } });
    }),
    { numRuns: 1000 },
  );
});
