import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { defineEvent, defineTopic } from "@waybill/core";
import { ManualClock } from "@waybill/core/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createOutbox } from "../../outbox.ts";
import type { Store } from "../../store.ts";
import { sqlite } from "./index.ts";

const HOUR_MS = 3_600_000;
const LEASE_MS = 5_000;
const notes = defineTopic("notes", [defineEvent("test.noted")]);

let folder: string;
let store: Store<DatabaseSync>;
let clock: ManualClock;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "waybill-lease-"));
  store = sqlite({ path: join(folder, "store.db") });
  clock = new ManualClock();
});

afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

/** The feed of a relay whose wall clock is off. */
function feedOf(owner: string, offMs: number) {
  const own = {
    now: () => clock.now() + offMs,
    monotonic: () => clock.monotonic(),
    after: (ms: number, then: () => void) => clock.after(ms, then),
  };
  return store.feed({
    owner,
    leaseMs: LEASE_MS,
    pollMs: undefined,
    keepSentMs: 0,
    clock: own,
    onTrouble: () => undefined,
  });
}

const buckets = async (feed: Awaited<ReturnType<typeof feedOf>>) => (await feed.lease(() => false)).size;

test.each([
  ["ahead", HOUR_MS],
  ["behind", -HOUR_MS],
])("a relay whose wall clock is an hour %s takes the lease from nobody and loses it to nobody", async (_, offMs) => {
  for (const [ownOffMs, otherOffMs] of [
    [0, offMs],
    [offMs, 0],
  ] as const) {
    const own = await feedOf("own", ownOffMs);
    const other = await feedOf("other", otherOffMs);
    for (let renewal = 0; renewal < 5; renewal++) {
      expect([await buckets(own), await buckets(other)]).toEqual([64, 0]);
      await clock.advance(2_000);
    }
    // It has died after its last renewal: the other one waits for the length of the lease, and no longer.
    await clock.advance(LEASE_MS - 2_000 - 1);
    expect(await buckets(other)).toBe(0);
    await clock.advance(1);
    expect(await buckets(other)).toBe(64);
    await other.release(true);
    await own.release(true);
  }
});

test("what a relay with a clock ahead has parked is tried as soon as another takes over", async () => {
  const outbox = createOutbox({ store, source: "/s" });
  await outbox.transaction((tx) =>
    outbox.publishRaw(tx, notes.name, { specversion: "1.0", id: "1", source: "/s", type: "t", partitionkey: "k" }),
  );
  const ahead = await feedOf("ahead", HOUR_MS);
  await buckets(ahead);
  const options = { max: 10, maxBytes: 1e6, skip: new Set<number>(), exceptTopics: new Set<string>() };
  const [row] = await ahead.claim(options);
  await ahead.settle([{ kind: "retry", row: row!, attempts: 1, delayMs: 200, error: "not now" }]);
  const next = await feedOf("next", 0);
  await buckets(next);
  await clock.advance(LEASE_MS);
  expect(await buckets(next)).toBe(64);
  expect(await next.claim(options)).toMatchObject([{ position: row!.position, attempts: 1, parked: true }]);
});
