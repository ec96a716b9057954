import { expect, test } from "vitest";
import { memoryInbox } from "./memory-inbox.ts";

const key = { topic: "t", subscription: "s", source: "/x", id: "1" };
const { signal } = new AbortController();
const nothing = async () => undefined;

function clockAt(start: number) {
  let now = start;
  return {
    now: () => now,
    monotonic: () => now,
    after: () => ({ clear: () => undefined }),
    advance: (ms: number) => {
      now += ms;
    },
  };
}

test("is done only after the work is, and busy meanwhile", async () => {
  const inbox = memoryInbox();
  let finish!: () => void;
  const first = inbox.process(key, () => new Promise<void>((resolve) => (finish = resolve)), signal);
  expect(await inbox.process(key, nothing, signal)).toBe("busy");
  expect(await inbox.process({ ...key, id: "2" }, nothing, signal)).toBe("processed");
  finish();
  expect(await first).toBe("processed");
  expect(await inbox.process(key, nothing, signal)).toBe("duplicate");
});

test("work that fails is not remembered", async () => {
  const inbox = memoryInbox();
  await expect(inbox.process(key, () => Promise.reject(new Error("no")), signal)).rejects.toThrow("no");
  expect(await inbox.process(key, nothing, signal)).toBe("processed");
});

test("work that outlives its signal keeps the claim until it ends", async () => {
  const inbox = memoryInbox();
  const stop = new AbortController();
  let finish!: () => void;
  const first = inbox.process(key, () => new Promise<void>((resolve) => (finish = resolve)), stop.signal);
  stop.abort(new Error("timeout"));
  await expect(first).rejects.toThrow("timeout");
  expect(await inbox.process(key, nothing, signal)).toBe("busy");
  finish();
  await new Promise((resolve) => setImmediate(resolve));
  expect(await inbox.process(key, nothing, signal)).toBe("duplicate");
});

test("a claim runs out, a record too, and the oldest go first", async () => {
  const clock = clockAt(0);
  const inbox = memoryInbox({ leaseMs: 10, retainMs: 100, maxEntries: 2, clock });
  void inbox.process(key, () => new Promise(() => undefined), signal);
  clock.advance(10);
  expect(await inbox.process(key, nothing, signal)).toBe("processed");
  clock.advance(99);
  expect(await inbox.process(key, nothing, signal)).toBe("duplicate");
  clock.advance(200);
  expect(await inbox.process(key, nothing, signal)).toBe("processed");
  for (const id of ["2", "3", "4"]) await inbox.process({ ...key, id }, nothing, signal);
  expect(await inbox.process({ ...key, id: "4" }, nothing, signal)).toBe("duplicate");
  expect(await inbox.process(key, nothing, signal)).toBe("processed");
});
