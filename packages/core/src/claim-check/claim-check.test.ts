import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { systemClock } from "../clock.ts";
import { anyEvent, comparable } from "../codec/any-event.test.fixture.ts";
import { createCodec } from "../codec/create-codec.ts";
import type { RawCloudEvent } from "../events/cloud-event.ts";
import { ClaimLost, isClaimed, openClaimCheck } from "./claim-check.ts";
import { HeldClaims } from "./held-claims.test.fixture.ts";

const codec = createCodec();
const never = new AbortController().signal;
const open = (options: { maxBytes?: number } = {}) => {
  const store = new HeldClaims();
  return { store, claims: openClaimCheck({ store, ...options }, codec, systemClock) };
};
const event: RawCloudEvent = { specversion: "1.0", id: "1", source: "/s", type: "t", data: { text: "x".repeat(100) } };
const claimed = async (over: Partial<RawCloudEvent> = {}) => {
  const { claims, store } = open();
  return { claims, store, event: { ...((await claims.checkIn(event, never)) as RawCloudEvent), ...over } };
};

describe("an event goes out and comes back as it was", () => {
  test.each([true, false])("over the wire (headers: %s)", async (headers) => {
    await fc.assert(
      fc.asyncProperty(anyEvent, async (original) => {
        fc.pre(original.dataref === undefined);
        const { claims, store } = open();
        const out = await claims.checkIn(original, never);
        if (out === undefined) {
          assert.ok(original.data === undefined || codec.dataBytes(original)?.length === 0);
          return;
        }
        assert.equal(out.data, undefined);
        assert.equal(out.datarefsize, [...store.held.values()][0]!.length);
        const { event: received } = codec.decode(codec.encode(out, { headers }));
        assert.ok(isClaimed(received));
        const back = await claims.checkOut(received, never);
        const { event: straight } = codec.decode(codec.encode(original, { headers }));
        assert.deepEqual(comparable(back), comparable(straight));
      }),
      { numRuns: 300 },
    );
  });

  test("by a broker that gives an empty body for none", async () => {
    const { claims, event: out } = await claimed({ datacontenttype: "application/octet-stream" });
    const received = codec.decode({ ...codec.encode(out, { headers: true }), body: new Uint8Array() }).event;
    expect(isClaimed(received)).toBe(true);
    expect((await claims.checkOut(received, never)).data).toBeInstanceOf(Uint8Array);
  });
});

describe("a reference off the wire is not trusted", () => {
  test.each<[string, Partial<RawCloudEvent>]>([
    ["a foreign URL", { dataref: "http://169.254.169.254/latest/meta-data" }],
    ["a path", { dataref: "file:///etc/passwd" }],
    ["a reference that only begins like ours", { dataref: "held:0/../../etc" }],
    ["no text", { dataref: 7 as never }],
    ["a length that is none", { datarefsize: "many" }],
    ["a negative length", { datarefsize: -1 }],
    ["a length beyond what is allowed", { datarefsize: 2_000_000_000 }],
  ])("%s is refused before anything is read", async (_, over) => {
    const { claims, store, event: hostile } = await claimed(over);
    await expect(claims.checkOut(hostile, never)).rejects.toBeInstanceOf(ClaimLost);
    expect(store.read).toEqual([]);
  });

  test("nor is what lies there: length and digest must be those of the event", async () => {
    const { claims, store, event: out } = await claimed();
    const bytes = store.held.get("held:0") as Uint8Array;
    for (const changed of [bytes.map((byte) => byte ^ 1), bytes.subarray(1), Buffer.concat([bytes, bytes])]) {
      store.held.set("held:0", changed);
      await expect(claims.checkOut(out, never)).rejects.toMatchObject({ error: { code: "WB_CLAIM_CHECK_LOST" } });
    }
    store.held.set("held:0", bytes);
    await expect(claims.checkOut({ ...out, datarefsha256: "" }, never)).rejects.toBeInstanceOf(ClaimLost);
    expect((await claims.checkOut(out, never)).data).toEqual(event.data);
  });

  test("a dataref without our marks, or beside data, is the handler's own business", () => {
    expect(isClaimed({ ...event, data: undefined, dataref: "https://elsewhere/x" })).toBe(false);
    expect(isClaimed({ ...event, dataref: "held:0", datarefsha256: "00" })).toBe(false);
  });
});

describe("storing", () => {
  test("tries again what passes, and gives up what does not", async () => {
    const { store, claims } = open();
    store.failures = ["transient", "throttled", "unknown"];
    expect(await claims.checkIn(event, never)).toMatchObject({ dataref: "held:0" });
    store.failures = ["unauthorized"];
    const refused = await claims.checkIn(event, never).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "WB_CLAIM_CHECK_FAILED" });
    expect(String(refused)).not.toContain("secret");
  });

  test("leaves an application's own dataref alone, and what is too large for it", async () => {
    const { store, claims } = open({ maxBytes: 50 });
    expect(await claims.checkIn({ ...event, dataref: "https://own/x" }, never)).toBeUndefined();
    await expect(claims.checkIn(event, never)).rejects.toMatchObject({ code: "WB_CLAIM_CHECK_TOO_LARGE" });
    expect(store.held.size).toBe(0);
  });

  test("refuses options that make no sense", () => {
    for (const options of [
      { store: {} },
      { store: new HeldClaims(), maxBytes: 0 },
      { store: new HeldClaims(), max: 1 },
    ]) {
      expect(() => openClaimCheck(options as never, codec, systemClock)).toThrow("WB_OPTION_INVALID");
    }
  });
});
