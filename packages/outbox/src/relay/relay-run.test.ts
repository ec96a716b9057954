import { systemClock } from "@waybill/core/spi";
import { expect, test } from "vitest";
import { eventually, Recorder } from "../conformance/recorder.ts";
import { BUCKETS, type Feed, type OutboxRow } from "../store.ts";
import { createRelay } from "./relay.ts";

const row = (position: number, key: string): OutboxRow => ({
  position,
  bucket: 0,
  topic: "notes",
  key,
  event: JSON.stringify({ specversion: "1.0", id: `${position}`, source: "/s", type: "t", data: position }),
  attempts: 0,
  parked: false,
  behind: false,
});

/** A feed of rows in memory; `beforeAnswer` can keep an answer back that has been read already, or spoil it. */
class ListFeed implements Feed {
  rows: OutboxRow[] = [];
  beforeAnswer: () => Promise<void> = async () => undefined;
  wake: () => void = () => undefined;
  epoch = 1;
  #last = 0;

  lease = async () => new Map(Array.from({ length: BUCKETS }, (_, bucket) => [bucket, this.epoch]));
  rewind = () => {
    this.#last = 0;
  };
  async claim({ skip, exceptTopics }: Parameters<Feed["claim"]>[0]) {
    const found = this.rows.filter(
      ({ position, topic }) => position > this.#last && !skip.has(position) && !exceptTopics.has(topic),
    );
    this.#last = this.rows.at(-1)?.position ?? 0;
    await this.beforeAnswer();
    return found;
  }
  async mark(rows: Parameters<Feed["mark"]>[0]) {
    this.rows = this.rows.filter(({ position }) => !rows.some((one) => one.position === position));
  }
  settle: () => Promise<void> = async () => undefined;
  wait = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      this.wake = resolve;
      signal.addEventListener("abort", () => resolve());
    });
  tidy = async () => undefined;
  release: Feed["release"] = async () => undefined;
}

const relayOver = (feed: ListFeed, publisher: Recorder) =>
  createRelay({ store: { feed: async () => feed } as never, publisher, batch: 1, markMs: 0 });

function gate(): { open: () => void; opened: Promise<void> } {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

test("what was read while an earlier event of its key was put back waits for that one", async () => {
  const feed = new ListFeed();
  const recorder = new Recorder();
  await using relay = relayOver(feed, recorder);
  const both = gate();
  const refused = gate();
  const read = gate();
  feed.rows = [row(1, "a"), row(2, "b")];
  let isDown = true;
  recorder.beforeAnswer = ([event]) => (event!.id === "2" ? both.opened : refused.opened);
  recorder.refuse = ({ id }) => (id === "1" && isDown ? { code: "ECONNRESET" } : undefined);
  await relay.start();
  await eventually(() => recorder.running === 2);
  // The next of key a is read while the first one is under way, and the answer is slow.
  let isReading = false;
  feed.beforeAnswer = async () => {
    isReading = true;
    await read.opened;
  };
  feed.rows.push(row(3, "a"));
  feed.wake();
  await eventually(() => isReading);
  // The first one is put back, since the broker is gone; that is over as soon as the other call comes through.
  refused.open();
  await eventually(() => relay.status().resting.length === 1);
  both.open();
  await eventually(() => relay.status().resting.length === 0);
  isDown = false;
  feed.beforeAnswer = async () => undefined;
  read.open();
  await recorder.count(3);
  expect(recorder.data).toEqual([2, 1, 3]);
});

test("housekeeping that hangs keeps nobody from publishing or stopping, is not begun twice, and its failure is told", async () => {
  const feed = new ListFeed();
  const recorder = new Recorder();
  const troubles: unknown[] = [];
  const released: boolean[] = [];
  const began: ((error: Error) => void)[] = [];
  feed.tidy = () => new Promise((_, reject) => began.push(reject));
  feed.release = async (handOver) => void released.push(handOver);
  let aheadMs = 0;
  const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + aheadMs };
  await using relay = createRelay({
    store: { feed: async () => feed } as never,
    publisher: recorder,
    leaseMs: 300,
    markMs: 0,
    clock,
    observer: { trouble: ({ error }) => troubles.push(error) },
  });
  await relay.start();
  for (const n of [1, 2]) {
    aheadMs += 31_000;
    await eventually(() => relay.status().buckets > 0);
    feed.rows.push(row(n, "a"));
    feed.wake();
    await recorder.count(n);
  }
  expect(began).toHaveLength(1);
  began[0]!(new Error("no"));
  await eventually(() => troubles.length > 0);
  expect(troubles).toEqual([new Error("no")]);
  aheadMs += 31_000;
  feed.rows.push(row(3, "a"));
  await eventually(() => relay.status().buckets > 0);
  feed.wake();
  await recorder.count(3);
  expect(began).toHaveLength(2);
  await relay.drain({ deadlineMs: 1_000 });
  // It never ended, and yet another relay may begin at once.
  expect(released).toEqual([true]);
});

test("rows whose reading failed are read again before later ones of their key", async () => {
  const feed = new ListFeed();
  const recorder = new Recorder();
  await using relay = relayOver(feed, recorder);
  feed.rows = [row(1, "a")];
  feed.beforeAnswer = async () => {
    feed.beforeAnswer = async () => undefined;
    feed.rows.push(row(2, "a"));
    throw new Error("The connection is lost.");
  };
  await relay.start();
  await recorder.count(2);
  expect(recorder.data).toEqual([1, 2]);
});

test("rows that could not be parked behind another are read again before later ones of their key", async () => {
  const feed = new ListFeed();
  const recorder = new Recorder();
  await using relay = relayOver(feed, recorder);
  feed.rows = [{ ...row(1, "a"), behind: true }];
  feed.settle = async () => {
    feed.settle = async () => undefined;
    // The earlier one has gone meanwhile.
    feed.rows = [row(1, "a"), row(2, "a")];
    throw new Error("The connection is lost.");
  };
  await relay.start();
  await recorder.count(2);
  expect(recorder.data).toEqual([1, 2]);
});
