import { createRequire } from "node:module";
import fc from "fast-check";
import { expect, it, vi } from "vitest";
import { encodeProduce, isPlain, type Produce } from "./produce-request.ts";

const theirRequest = createRequire(import.meta.url)("kafkajs/src/protocol/requests/produce/v7/request") as (
  given: Produce,
) => { encode(): Promise<{ readonly buffer: Buffer }> };

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 70 }),
  fc.string({ maxLength: 70 }),
  fc.string({ minLength: 8_000, maxLength: 9_000 }),
  // Halves of what takes two characters, which are no text.
  fc.string({ unit: fc.nat(0x7ff).map((code) => String.fromCharCode(0xd800 + code)), maxLength: 50 }),
);
const bytes = fc.uint8Array({ maxLength: 300 }).map((value) => Buffer.from(value));
const large = fc.integer({ min: 8_000, max: 1_100_000 }).map((length) => Buffer.alloc(length, "x"));
const record = fc.record({
  partition: fc.constant(0),
  key: fc.option(bytes),
  value: fc.option(fc.oneof({ weight: 30, arbitrary: bytes }, { weight: 1, arbitrary: large })),
  headers: fc.dictionary(text, fc.oneof(text, bytes), { maxKeys: 4 }),
});
const given = fc.record({
  acks: fc.constant(-1),
  timeout: fc.nat(),
  compression: fc.constant(0),
  producerId: fc.option(fc.maxSafeNat().map(String), { nil: undefined }),
  producerEpoch: fc.option(fc.nat(30_000), { nil: undefined }),
  topicData: fc.array(
    fc.record({
      topic: fc.string({ unit: "grapheme", maxLength: 40 }),
      partitions: fc.array(
        fc.record({
          partition: fc.nat(100),
          firstSequence: fc.option(fc.nat(), { nil: undefined }),
          messages: fc.array(record, { minLength: 1, maxLength: 6 }),
        }),
        { minLength: 1, maxLength: 2 },
      ),
    }),
    { minLength: 1, maxLength: 2 },
  ),
});

/** At one moment, for both write the time. */
async function expectTheirs(produce: Produce): Promise<void> {
  vi.useFakeTimers({ toFake: ["Date"], now: 1_767_225_600_123 });
  const theirs = await theirRequest(produce).encode();
  const ours = encodeProduce(produce).slice();
  vi.useRealTimers();
  expect(Buffer.compare(ours, theirs.buffer)).toBe(0);
}

it("writes what kafkajs would", () =>
  fc.assert(fc.asyncProperty(given, expectTheirs), { numRuns: 50, endOnFailure: true }));

it.each([64, 8_192, 1_048_576])("writes records around %i bytes as kafkajs would", (size) => {
  const messages = Array.from({ length: 20 }, (_, n) => ({
    partition: 0,
    key: null,
    value: Buffer.alloc(size - n, "v"),
    headers: {},
  }));
  const topicData = [{ topic: "orders", partitions: [{ partition: 0, messages }] }];
  return expectTheirs({ acks: -1, timeout: 1, compression: 0, topicData });
});

it("writes many records as kafkajs would", () => {
  const messages = Array.from({ length: 300 }, (_, n) => ({
    partition: 0,
    key: Buffer.from(`k-${n}`),
    value: Buffer.alloc(n, "v"),
    headers: { "content-type": "application/json", ce_id: "i".repeat(n % 70), ce_source: "ü" },
  }));
  const topicData = [{ topic: "orders", partitions: [{ partition: "3", firstSequence: 7, messages }] }];
  return expectTheirs({ acks: -1, timeout: 30_000, compression: 0, producerId: "9", producerEpoch: 1, topicData });
});

it("leaves to kafkajs what is compressed, and transactions", () => {
  const plain = { acks: -1, timeout: 1, compression: 0, topicData: [] };
  expect(isPlain(plain)).toBe(true);
  expect(isPlain({ ...plain, compression: 1 })).toBe(false);
  expect(isPlain({ ...plain, transactionalId: "t" })).toBe(false);
});
