import { expect, it } from "vitest";
import { fitId, isBucket, sessionId } from "./session-id.ts";

const buckets = { sessions: "buckets", buckets: 8 } as const;

it("has none without sessions", () => {
  expect(sessionId({ id: "e", key: "k" }, { sessions: "none", buckets: 8 })).toBeUndefined();
});

it("puts a key into one bucket, always, and many keys into all of them", () => {
  const of = (key: string) => sessionId({ id: Math.random().toString(), key }, buckets);
  expect(of("o-1")).toBe(of("o-1"));
  const counts = new Map<string, number>();
  for (let n = 0; n < 8_000; n++) counts.set(of(`order-${n}`)!, (counts.get(of(`order-${n}`)!) ?? 0) + 1);
  expect(counts.size).toBe(8);
  for (const count of counts.values()) expect(count).toBeGreaterThan(600);
});

it("keeps its buckets: processes of different versions must agree", () => {
  expect(["o-1", "o-2", "Schlüssel", "\u{1f4e6}"].map((key) => sessionId({ id: "", key }, buckets))).toEqual([
    "wb-0",
    "wb-1",
    "wb-3",
    "wb-7",
  ]);
});

it("spreads events without a key, and takes an empty key for none: nobody could accept the session of an empty id", () => {
  const sessions = new Set(Array.from({ length: 200 }, (_, n) => sessionId({ id: `e-${n}`, key: "" }, buckets)));
  expect(sessions.size).toBe(8);
  for (const key of [undefined, ""])
    expect(isBucket(sessionId({ id: "e", key }, { sessions: "key", buckets: 8 })!)).toBe(true);
});

it("takes a key as it is, or a hash of one that is too long", () => {
  const key = { sessions: "key", buckets: 8 } as const;
  expect(sessionId({ id: "e", key: "k".repeat(128) }, key)).toBe("k".repeat(128));
  expect(sessionId({ id: "e", key: "k".repeat(129) }, key)).toMatch(/^sha256-[0-9a-f]{64}$/);
  expect(fitId("a".repeat(129))).not.toBe(fitId("b".repeat(129)));
});
