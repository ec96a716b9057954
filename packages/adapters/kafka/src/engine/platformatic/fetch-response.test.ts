import * as library from "@platformatic/kafka";
import fc from "fast-check";
import { expect, it } from "vitest";
import { oldBytes } from "../kafkajs/records.test.fixture.ts";
import { type AnsweredPartition, answer, batchBytes } from "./fetch-answer.test.fixture.ts";
import { readFetchResponse, type UnreadRecords } from "./fetch-response.ts";
import { PlatformaticBatch } from "./fetched-batch.ts";

const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
const PLACE = { topic: "t", partition: 3 };

const ours = (partitions: readonly AnsweredPartition[]) =>
  readFetchResponse(library, library.Reader.from(answer(partitions)));
const theirs = (partitions: readonly AnsweredPartition[]) =>
  library.fetchV17.parseResponse(0, 1, 17, library.Reader.from(answer(partitions)));
const first = (records: Buffer, aborted: AnsweredPartition["aborted"] = []) =>
  ours([{ records, aborted }]).responses[0]!.partitions[0]!.records;

function all(records: readonly library.RecordsBatch[] | UnreadRecords) {
  const batch = new PlatformaticBatch(PLACE, records);
  const taken = [];
  while (batch.count > 0) taken.push(batch.take());
  expect(batch.bytes).toBe(0);
  return { next: batch.next, taken };
}
const valuesOf = (records: UnreadRecords | null) => all(records!).taken.map(({ message }) => String(message.body));

const bytes = fc.oneof(
  fc.string({ unit: "binary", maxLength: 80 }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 80 }).map((some) => Buffer.from(some)),
);
const messages = fc.array(
  fc.record({
    key: bytes,
    value: bytes,
    headers: fc
      .array(fc.tuple(fc.constantFrom("ce_id", "Content-Type", "__proto__", "x"), bytes), { maxLength: 4 })
      .map((some) => new Map(some.map(([name, value]) => [Buffer.from(name), value]))),
    timestamp: fc.nat(2 ** 40).map(BigInt),
  }),
  { minLength: 1, maxLength: 30 },
);

it("reads what the library reads", () => {
  fc.assert(
    fc.property(messages, fc.boolean(), (some, isCompressed) => {
      const records = Buffer.concat([
        batchBytes({ firstOffset: 500, messages: some, ...(isCompressed ? { compression: "gzip" } : {}) }),
        batchBytes({ firstOffset: 500 + some.length, messages: some }),
      ]);
      const partitions = [{ records }, { records: Buffer.alloc(0) }];
      const [own, other] = [ours(partitions), theirs(partitions)];
      expect({ ...other, ...own, responses: [] }).toEqual({ ...other, responses: [] });
      for (const [index, { records: left, ...head }] of own.responses[0]!.partitions.entries()) {
        const decoded = other.responses[0]!.partitions[index]!;
        expect({ ...decoded, ...head }).toEqual(decoded);
        if (index === 0) expect(all(left!)).toEqual(all(decoded.records!));
        else expect([left, decoded.records]).toEqual([null, []]);
      }
    }),
    { numRuns: 200 },
  );
});

it("throws the library's error for a partition that has one", () => {
  const partitions = [{ records: Buffer.alloc(0) }, { records: Buffer.alloc(0), errorCode: 6 }];
  const thrown = (read: typeof ours | typeof theirs) => {
    try {
      read(partitions);
    } catch (error) {
      const { message, errors, response } = error as library.ResponseError;
      return { message, errors: errors.map((one) => ({ ...one, stack: "" })), hasResponse: response !== undefined };
    }
    return undefined;
  };
  expect(thrown(ours)).toBeDefined();
  expect(JSON.stringify(thrown(ours)!.message)).toBe(JSON.stringify(thrown(theirs)!.message));
  expect(thrown(ours)!.errors.map(({ apiId, path }) => [apiId, path])).toEqual(
    thrown(theirs)!.errors.map(({ apiId, path }) => [apiId, path]),
  );
});

it("hides transactions that were given up, also where their end is not in the fetch, and goes on behind them", () => {
  const some = (value: string) => [{ key: Buffer.from("k"), value: Buffer.from(value) }];
  const records = Buffer.concat([
    batchBytes({ firstOffset: 10, messages: some("a"), producerId: 1n, attributes: TRANSACTIONAL }),
    batchBytes({ firstOffset: 11, messages: some("plain") }),
    batchBytes({
      firstOffset: 12,
      messages: [{ key: Buffer.from([0, 0, 0, 1]), value: Buffer.alloc(6) }],
      producerId: 2n,
      attributes: TRANSACTIONAL | CONTROL,
    }),
  ]);
  expect(valuesOf(first(records))).toEqual(["a", "plain"]);
  const left = first(records, [{ producerId: 1n, firstOffset: 9n }]);
  expect(valuesOf(left)).toEqual(["plain"]);
  expect(left!.next).toBe(13n);
});

it("leaves a batch that was cut off for the next fetch", () => {
  const batch = batchBytes({ firstOffset: 0, messages: [{ key: Buffer.from("k"), value: Buffer.from("v") }] });
  expect(first(batch.subarray(0, batch.length - 1))).toBeNull();
  expect(first(Buffer.concat([batch, batch.subarray(0, 70)]))!.next).toBe(1n);
});

it("refuses a log of an older format, and a codec that is not there", () => {
  expect(() => first(oldBytes(["v0"], 40))).toThrow(library.UnsupportedFormatError);
  const batch = batchBytes({
    firstOffset: 0,
    messages: [{ key: Buffer.from("k"), value: Buffer.from("v") }],
    attributes: 7,
  });
  expect(() => first(batch)).toThrow(library.UnsupportedCompressionError);
});
