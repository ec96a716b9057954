import { promisify } from "node:util";
import { gzip } from "node:zlib";
import fc from "fast-check";
import type { KafkaMessage } from "kafkajs";
import { expect, it } from "vitest";
import { decodeFetchResponse } from "./fetch-response.ts";
import { KafkajsBatch } from "./fetched-batch.ts";
import {
  type AbortedTransaction,
  answer,
  batchBytes,
  decodeWithKafkajs,
  FIRST_TIMESTAMP,
  MAX_TIMESTAMP,
  marker,
  oldBytes,
  type WrittenRecord,
} from "./records.test.fixture.ts";

const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

type Message = Awaited<ReturnType<typeof decodeFetchResponse>>["responses"][0]["partitions"][0]["messages"][0];

async function partition(records: Buffer, aborted?: readonly AbortedTransaction[]) {
  const { responses } = await decodeFetchResponse(answer(records, aborted));
  return responses[0]!.partitions[0]!;
}

/** As kafkajs hands it on: without what it takes for transaction markers. */
const visible = (messages: readonly (Message | KafkaMessage)[]) =>
  new KafkajsBatch(
    "t",
    3,
    0n,
    messages.filter((one) => !("isControlRecord" in one) || one.isControlRecord !== true),
  );

function all(batch: KafkajsBatch) {
  const records = [];
  while (batch.count > 0) records.push(batch.take());
  expect(batch.bytes).toBe(0);
  return records;
}

const values = (batch: KafkajsBatch) => all(batch).map(({ message }) => String(message.body));

const record = (offsetDelta: number, value: string | null = `v${offsetDelta}`): WrittenRecord => ({
  offsetDelta,
  timestampDelta: offsetDelta,
  key: Buffer.from("k"),
  value: value === null ? null : Buffer.from(value),
  headers: {},
});

const bytes = fc.oneof(
  fc.string({ unit: "binary", maxLength: 80 }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 80 }).map((some) => Buffer.from(some)),
);
const records = fc
  .array(
    fc.record({
      gap: fc.integer({ min: 0, max: 3 }),
      timestampDelta: fc.integer({ min: -5_000, max: 2 ** 40 }),
      key: fc.option(bytes),
      value: fc.option(
        fc.oneof(
          bytes,
          fc.nat(30_000).map((length) => Buffer.alloc(length, 7)),
        ),
      ),
      headers: fc.dictionary(
        fc.oneof(fc.constantFrom("ce_id", "Content-Type", "__proto__"), fc.string({ maxLength: 70 })),
        bytes,
        {
          noNullPrototype: true,
        },
      ),
    }),
    { minLength: 1, maxLength: 40 },
  )
  .map((some) => {
    let offsetDelta = -1;
    return some.map(({ gap, ...rest }): WrittenRecord => {
      offsetDelta += 1 + gap;
      return { ...rest, offsetDelta };
    });
  });

it("reads what kafkajs reads", async () => {
  await fc.assert(
    fc.asyncProperty(records, fc.constantFrom(0, 1), async (some, compression) => {
      const log = await batchBytes({ firstOffset: 500, records: some, lastOffsetDelta: 200, compression });
      const { responses } = (await decodeWithKafkajs(answer(log))) as {
        responses: { partitions: { messages: KafkaMessage[]; lastStableOffset: string }[] }[];
      };
      const theirs = responses[0]!.partitions[0]!;
      const ours = await partition(log);
      expect({ ...ours, messages: [] }).toEqual({ ...theirs, messages: [] });
      expect(all(visible(ours.messages))).toEqual(all(visible(theirs.messages)));
    }),
    { numRuns: 200 },
  );
});

it("gives none of what is not as it says it is, and ends", async () => {
  const log = await batchBytes({ firstOffset: 0, records: Array.from({ length: 20 }, (_, index) => record(index)) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.integer({ min: 61, max: log.length - 1 }), fc.nat(255)), { minLength: 1, maxLength: 5 }),
      async (changes) => {
        const broken = Buffer.from(log);
        for (const [at, byte] of changes) broken[at] = byte;
        const batch = visible((await partition(broken)).messages);
        let before = batch.count;
        try {
          for (; batch.count > 0; before--) {
            expect(batch.count).toBe(before);
            batch.take();
          }
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
          expect(batch.count).toBe(before);
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

it("refuses a record that is longer or shorter than what stands in it", async () => {
  for (const change of [-2, 2]) {
    const log = await batchBytes({ firstOffset: 0, records: [record(0), record(1)] });
    // The length of the first record: of one byte, doubled, for it could be negative.
    log[61]! += change;
    const batch = visible((await partition(log)).messages);
    expect(() => batch.take()).toThrow(RangeError);
    expect(batch.count).toBe(2);
  }
});

it("passes over what comes before the offset that was asked for", async () => {
  const first = await batchBytes({ firstOffset: 10, records: [record(0), record(1), record(2)] });
  const second = await batchBytes({ firstOffset: 13, records: [record(0), record(1), record(4)] });
  for (const [offset, left] of [
    [9n, [10, 11, 12, 13, 14, 17]],
    [12n, [12, 13, 14, 17]],
    [13n, [13, 14, 17]],
    [15n, [17]],
    [18n, []],
  ] as const) {
    const batch = visible((await partition(Buffer.concat([first, second]))).messages);
    batch.skipTo(offset);
    expect(batch.count).toBe(left.length);
    expect(all(batch).map(({ offset }) => Number(offset))).toEqual(left);
  }
});

it("leaves a batch that was cut off for the next fetch", async () => {
  const first = await batchBytes({ firstOffset: 0, records: [record(0)] });
  const second = await batchBytes({ firstOffset: 1, records: [record(0)] });
  for (const length of [0, 1, 17, 60, 61, second.length - 1]) {
    const { messages } = await partition(Buffer.concat([first, second.subarray(0, length)]));
    expect(messages.map(({ offset }) => offset)).toEqual(["0"]);
    expect((await partition(second.subarray(0, length))).messages).toEqual([]);
  }
});

it("takes the broker's time where the broker gives it", async () => {
  const IS_LOG_APPEND_TIME = 0x08;
  const byProducer = await batchBytes({ firstOffset: 0, records: [record(0), record(1)] });
  const byBroker = await batchBytes({
    firstOffset: 2,
    records: [record(0), record(1)],
    attributes: IS_LOG_APPEND_TIME,
  });
  const batch = visible((await partition(Buffer.concat([byProducer, byBroker]))).messages);
  const times = all(batch).map(({ message }) => message.timeMs);
  expect(times).toEqual([FIRST_TIMESTAMP, FIRST_TIMESTAMP + 1, MAX_TIMESTAMP, MAX_TIMESTAMP]);
});

it("says nothing of a header without a value", async () => {
  const written = await batchBytes({
    firstOffset: 0,
    records: [{ ...record(0), headers: { a: Buffer.from("1"), b: Buffer.alloc(0) } }],
  });
  const full = all(visible((await partition(written)).messages));
  expect(full[0]!.message.headers).toEqual({ a: "1", b: "" });
  // Its last byte is the length of what `b` has.
  written[written.length - 1] = 1;
  expect(all(visible((await partition(written)).messages))[0]!.message.headers).toEqual({ a: "1" });
});

it("hides transactions that were given up, and the markers, and goes on behind them", async () => {
  const at = async (firstOffset: number, producerId: number, what: "a" | "b" | "abort" | "commit") => {
    const isMarker = what === "abort" || what === "commit";
    const some = isMarker ? [marker(what === "commit")] : [record(0, `${what}${firstOffset}`)];
    return batchBytes({ firstOffset, records: some, producerId, attributes: TRANSACTIONAL | (isMarker ? CONTROL : 0) });
  };
  const log = Buffer.concat([
    await at(10, 1, "a"),
    await at(11, 2, "b"),
    await batchBytes({ firstOffset: 12, records: [record(0, "plain")], producerId: 1 }),
    await at(13, 1, "abort"),
    await at(14, 1, "a"),
    await at(15, 2, "abort"),
    await at(16, 2, "b"),
    await at(17, 1, "commit"),
    await at(18, 2, "commit"),
  ]);
  const none = await partition(log);
  expect(values(visible(none.messages))).toEqual(["a10", "b11", "plain", "a14", "b16"]);
  // Two began before what this fetch brings.
  const { messages, abortedTransactions } = await partition(log, [
    { producerId: 2, firstOffset: 9 },
    { producerId: 1, firstOffset: 8 },
    { producerId: 3, firstOffset: 100 },
  ]);
  expect(abortedTransactions).toEqual([]);
  expect(values(visible(messages))).toEqual(["plain", "a14", "b16"]);
  expect(messages.at(-1)!.offset).toBe("18");
});

it("hides what compaction has left empty, and knows where it ends", async () => {
  const { messages } = await partition(await batchBytes({ firstOffset: 5, records: [], lastOffsetDelta: 6 }));
  expect(messages).toMatchObject([{ offset: "11", isControlRecord: true }]);
});

it("reads compressed batches, and throws what kafkajs throws where it has no codec", async () => {
  const some = [record(0), record(1)];
  const GZIP = 1;
  const SNAPPY = 2;
  const compressed = await batchBytes({ firstOffset: 0, records: some, compression: GZIP });
  expect(values(visible((await partition(compressed)).messages))).toEqual(["v0", "v1"]);
  const plain = await batchBytes({ firstOffset: 0, records: some });
  const unknown = Buffer.concat([plain.subarray(0, 61), await promisify(gzip)(plain.subarray(61))]);
  unknown.writeInt32BE(unknown.length - 12, 8);
  unknown.writeInt16BE(SNAPPY, 21);
  await expect(partition(unknown)).rejects.toMatchObject({ name: "KafkaJSNotImplemented" });
});

it("leaves logs of an older format to kafkajs", async () => {
  const { messages } = await partition(oldBytes(["v0", "v1"], 40));
  const batch = visible(messages);
  batch.skipTo(41n);
  expect(batch.count).toBe(1);
  expect(batch.take()).toMatchObject({ offset: 41n, message: { id: "t/3/41", key: "k", timeMs: FIRST_TIMESTAMP } });
});

it("keeps nothing of a large fetch alive with a small event", async () => {
  const some = Array.from({ length: 2_000 }, (_, index) => record(index, "x".repeat(200)));
  const batch = visible((await partition(await batchBytes({ firstOffset: 0, records: some }))).messages);
  for (const { message } of all(batch)) expect(message.body!.buffer.byteLength).toBeLessThanOrEqual(16_384);
});
