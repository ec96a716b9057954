import { appendFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { Encoder } from "../../amqp/encode.ts";
import { Described } from "../../amqp/values.ts";
import type { EventMessage } from "../event-message.ts";
import { PartitionLog, type Retention } from "./partition-log.ts";
import { SegmentFolder } from "./segment-file.ts";

const FOREVER: Retention = { retentionMs: Number.POSITIVE_INFINITY, retentionBytes: Number.POSITIVE_INFINITY };

const event = (size: number): EventMessage => ({
  header: Buffer.alloc(0),
  annotations: new Map(),
  partitionKey: undefined,
  deliveryAnnotations: Buffer.alloc(0),
  rest: new Encoder().value(new Described(0x75, Buffer.alloc(size))).finish(),
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "partition-log-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

const all = (log: PartitionLog) => {
  const read = [];
  for (let next = log.beginSequence; ; ) {
    const found = log.read(next);
    if (found === undefined) return read;
    read.push(found);
    next = found.sequenceNumber + 1;
  }
};

describe("PartitionLog", () => {
  it("finds each position as a plain list does, over segments and retention", () => {
    const step = fc.record({ size: fc.nat(300_000), wait: fc.nat(10) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), fc.integer({ min: 1, max: 60 }), (steps, keep) => {
        const log = new PartitionLog({ ...FOREVER, retentionMs: keep });
        let now = 1_000;
        let model: { sequenceNumber: number; offset: number; enqueuedAt: number }[] = [];
        for (const { size, wait } of steps) {
          now += wait;
          log.append([event(size), event(1)], now);
          model.push(...[log.nextSequence - 2, log.nextSequence - 1].map((at) => log.read(at)!));
          model = model.filter(({ enqueuedAt }) => enqueuedAt >= now - keep);
          expect(log.trim(now)).toBe(model[0]!.enqueuedAt + keep);
        }
        expect(all(log).map(({ sequenceNumber }) => sequenceNumber)).toEqual(
          model.map(({ sequenceNumber }) => sequenceNumber),
        );
        const find = (passes: (event: (typeof model)[0]) => boolean) =>
          model.find(passes)?.sequenceNumber ?? log.nextSequence;
        for (const { offset, sequenceNumber, enqueuedAt } of model)
          for (const inclusive of [true, false]) {
            const least = inclusive ? 0 : 1;
            expect(log.resolve({ kind: "offset", value: offset, inclusive })).toBe(
              find((e) => e.offset >= offset + least),
            );
            expect(log.resolve({ kind: "sequenceNumber", value: sequenceNumber, inclusive })).toBe(
              sequenceNumber + least,
            );
            expect(log.resolve({ kind: "enqueuedAt", value: enqueuedAt, inclusive })).toBe(
              find((e) => e.enqueuedAt >= enqueuedAt + least),
            );
          }
        expect(log.resolve({ kind: "offset", value: 0, inclusive: true })).toBe(log.beginSequence);
        expect(log.resolve({ kind: "enqueuedAt", value: now, inclusive: false })).toBe(log.nextSequence);
      }),
      { numRuns: 60 },
    );
  });

  it("never lets time run backwards", () => {
    const log = new PartitionLog(FOREVER);
    log.append([event(1)], 100);
    log.append([event(1)], 50);
    expect(all(log).map(({ enqueuedAt }) => enqueuedAt)).toEqual([100, 100]);
  });

  it("leaves what a reader was handed as it was", () => {
    const log = new PartitionLog(FOREVER);
    log.append([event(10)], 1);
    const { bytes } = log.read(0)!;
    const before = Buffer.from(bytes);
    for (let at = 0; at < 2_000; at += 1) log.append([event(900)], 1);
    expect(bytes).toEqual(before);
  });

  // fidelity event-hubs: durability: hubs and events over a restart and a kill, with `dataDir`
  it("is the same after a restart, a half-written record apart", () => {
    const path = folder();
    const first = new PartitionLog(FOREVER, new SegmentFolder(path));
    for (let at = 0; at < 20; at += 1) first.append([event(200_000)], at);
    const before = all(first).map((found) => ({ ...found, bytes: Buffer.from(found.bytes) }));
    first.close();
    const [newest] = readdirSync(path).sort((a, b) => Number.parseInt(b, 10) - Number.parseInt(a, 10));
    appendFileSync(join(path, newest!), Buffer.concat([Buffer.from([0, 0, 32, 0]), Buffer.alloc(2_000)]));

    const second = new PartitionLog(FOREVER, new SegmentFolder(path));
    expect(all(second)).toEqual(before);
    expect(second.last).toEqual(first.last);
    expect(second.bytes).toBe(first.bytes);
    second.append([event(5)], 30);
    expect(second.last).toMatchObject({ sequenceNumber: 20, offset: first.bytes });
    second.close();
    expect(all(new PartitionLog(FOREVER, new SegmentFolder(path)))).toHaveLength(21);
  });

  it("deletes the files of what is gone, and remembers the numbers", () => {
    const path = folder();
    const first = new PartitionLog({ ...FOREVER, retentionMs: 10 }, new SegmentFolder(path));
    for (let at = 0; at < 10; at += 1) first.append([event(300_000)], 1);
    expect(readdirSync(path)).toHaveLength(4);
    first.trim(100);
    expect(first).toMatchObject({ isEmpty: true, bytes: 0, beginSequence: 10, nextSequence: 10 });
    expect(readdirSync(path)).toHaveLength(1);
    first.close();
    const second = new PartitionLog(FOREVER, new SegmentFolder(path));
    expect(second).toMatchObject({ isEmpty: true, beginSequence: 10, nextSequence: 10 });
    second.close();
  });
});
