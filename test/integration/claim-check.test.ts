import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { blobStore } from "@waybill/claim-check/blob";
import { folderStore } from "@waybill/claim-check/folder";
import { createBus, defineEvent, defineTopic, PermanentError, type RawCloudEvent } from "@waybill/core";
import type { Adapter, ClaimStore, DeadLetterReason } from "@waybill/core/spi";
import { createSpy } from "@waybill/core/testing";
import { createMemoryBroker, type Like, memory } from "@waybill/memory";
import { storageQueue } from "@waybill/storage-queue";
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { testAzurite } from "../azurite/test-azurite.ts";

const azurite = await testAzurite("claim check over Azurite", { blobs: true });

const folder = mkdtempSync(join(tmpdir(), "waybill-claim-it-"));
afterAll(async () => {
  await azurite?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const never = new AbortController().signal;
const placed = defineEvent("com.example.placed", z.object({ n: z.number(), text: z.string() }));
const SUBSCRIPTIONS = ["billing", "mail"];
let topics = 0;

interface Place {
  readonly open: (subscriptions: Record<string, readonly string[]>) => Adapter;
  readonly store: () => ClaimStore;
  readonly largeBytes: number;
}

function memoryPlace(like: Like): Place {
  const broker = createMemoryBroker();
  const limits = { maxMessageBytes: 4_096, maxSendBatchBytes: 65_536 };
  return {
    open: (subscriptions) => memory({ like, broker, subscriptions, limits }),
    store: () => folderStore({ path: join(folder, like) }),
    largeBytes: 10_000,
  };
}

const connectionString = azurite?.connectionString ?? "";
const azuritePlace: Place = {
  open: (subscriptions) => storageQueue({ connectionString, subscriptions, maxPollMs: 100 }),
  store: () => blobStore({ connectionString }),
  largeBytes: 200_000,
};

function setUp({ open, store }: Place, { claims = true } = {}) {
  const name = `claims-${++topics}`;
  const topic = defineTopic(name, [placed]);
  const subscriptions = { [name]: SUBSCRIPTIONS };
  const process = (withClaims = claims) => {
    const spy = createSpy();
    const claimCheck = withClaims ? { claimCheck: { store: store() } } : {};
    return { spy, bus: createBus({ source: "/s", adapter: open(subscriptions), observers: [spy], ...claimCheck }) };
  };
  return { name, topic, process };
}

const LIKES: readonly Like[] = [
  "memory",
  "storage-queue",
  "service-bus",
  "service-bus-sessions",
  "event-grid",
  "event-hubs",
  "kafka",
];

const places: [string, Place, boolean][] = [
  ...LIKES.map((like): [string, Place, boolean] => [`memory like ${like}, a folder`, memoryPlace(like), false]),
  ["storage queues, blobs", azuritePlace, azurite === undefined],
];

for (const [what, place, absent] of places) {
  describe.skipIf(absent)(`the claim check over ${what}`, () => {
    it("brings large events to every subscription whole, in order of their key among small ones", async () => {
      const { topic, process } = setUp(place);
      const { bus } = process();
      const seen: Record<string, { n: number; key: unknown; length: number; attributes: string[] }[]> = {};
      const all = Promise.withResolvers<void>();
      const guarantees = [];
      for (const name of SUBSCRIPTIONS) {
        const got: (typeof seen)[string] = [];
        seen[name] = got;
        const subscription = await bus.subscribe(topic, { name }, (event) => {
          const attributes = Object.keys(event).filter((attribute) => attribute.startsWith("dataref"));
          got.push({ n: event.data.n, key: event.partitionkey, length: event.data.text.length, attributes });
          if (SUBSCRIPTIONS.every((one) => seen[one]?.length === 30)) all.resolve();
        });
        guarantees.push(subscription.guarantee.order);
      }
      const lengthOf = (n: number) => (n % 3 === 0 ? place.largeBytes : 10);
      const event = (n: number) => placed({ n, text: "x".repeat(lengthOf(n)) }, { key: `k${n % 2}` });
      const calls = Array.from({ length: 20 }, (_, n) => bus.publish(topic, event(n)));
      await Promise.all([
        ...calls,
        bus.publish(
          topic,
          Array.from({ length: 10 }, (_, n) => event(20 + n)),
        ),
      ]);
      await all.promise;
      for (const [index, name] of SUBSCRIPTIONS.entries()) {
        const got = seen[name]!;
        expect(got.map(({ n }) => n).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, n) => n));
        for (const { n, length, attributes } of got) expect([n, length, attributes]).toEqual([n, lengthOf(n), []]);
        if (guarantees[index] !== "per-key") continue;
        for (const key of ["k0", "k1"]) {
          const own = got.filter((one) => one.key === key).map(({ n }) => n);
          expect(own).toEqual(own.toSorted((a, b) => a - b));
        }
      }
      await bus.close();
    });

    it("keeps the reference in dead letters, and a redrive brings the whole event", async () => {
      const { topic, name, process } = setUp(place);
      const { bus, spy } = process();
      let accepts = false;
      const redriven = Promise.withResolvers<number>();
      const subscription = await bus.subscribe(topic, { name: "billing" }, (event, { redriven: again }) => {
        if (!accepts) throw new PermanentError("not yet");
        if (again) redriven.resolve(event.data.text.length);
      });
      await bus.publish(topic, placed({ n: 1, text: "x".repeat(place.largeBytes) }, { id: "e-1" }));
      await spy.waitFor("deadLettered", "e-1");
      const letters = bus.deadLetters(name, "billing");
      const [record] = await letters.list();
      expect(record?.reason).toMatchObject({ reason: "rejected", error: "not yet" });
      expect(record?.event?.dataref).toMatch(/\d{4}-\d{2}-\d{2}\//);
      expect(record?.event?.data).toBeUndefined();
      accepts = true;
      const receiver = await place.open({ [name]: SUBSCRIPTIONS }).describe!(
        { topic: name, subscription: "billing" },
        never,
      );
      if (receiver.returnSender !== undefined) {
        expect(await letters.redrive()).toEqual({ done: 1, skipped: 0 });
        expect(await redriven.promise).toBe(place.largeBytes);
      }
      await letters.close();
      await subscription.close();
      await bus.close();
    });

    it("without one: a typed consumer dead-letters with a clear reason, one by name gets the reference", async () => {
      const { topic, name, process } = setUp(place);
      const producer = process();
      const consumer = process(false);
      const raw = Promise.withResolvers<RawCloudEvent>();
      await consumer.bus.subscribe(topic, { name: "billing" }, () => undefined);
      await consumer.bus.subscribe(name, { name: "mail" }, (event) => raw.resolve(event));
      await producer.bus.publish(topic, placed({ n: 1, text: "x".repeat(place.largeBytes) }, { id: "e-1" }));
      const { at } = await consumer.spy.waitFor("deadLettered", "e-1");
      const reason = at.reason as DeadLetterReason;
      expect(reason).toMatchObject({ reason: "claim-check", attempts: 1 });
      expect(reason.error).toContain("WB_CLAIM_CHECK_UNCONFIGURED");
      const event = await raw.promise;
      expect(event.data ?? "").toHaveLength(0);
      expect(event).toMatchObject({ id: "e-1", datarefsize: expect.any(Number), datarefsha256: expect.any(String) });
      await producer.bus.close();
      await consumer.bus.close();
    });

    it("off: refuses, and says how to turn it on", async () => {
      const { topic, process } = setUp(place, { claims: false });
      const { bus } = process();
      await expect(bus.publish(topic, placed({ n: 1, text: "x".repeat(place.largeBytes) }))).rejects.toMatchObject({
        code: "WB_EVENT_TOO_LARGE",
        hint: expect.stringContaining("claimCheck"),
      });
      await bus.close();
    });

    it("what is gone, and what points elsewhere, becomes a dead letter and is not fetched", async () => {
      const { topic, name, process } = setUp(place);
      const { bus, spy } = process();
      await bus.subscribe(topic, { name: "billing" }, () => undefined);
      const marks = { datarefsize: 3, datarefsha256: "0".repeat(64) };
      const reference = await place.store().put(Buffer.from("abc"), { contentType: undefined }, never);
      const never0 = reference.replace(/[0-9a-f-]{36}$/, "00000000-0000-4000-8000-000000000000");
      const refs = ["http://127.0.0.1:1/admin", "file:///etc/passwd", "../../etc/passwd", never0, reference];
      const events = refs.map((dataref, n) => ({
        specversion: "1.0" as const,
        id: `h-${n}`,
        source: "/evil",
        type: placed.type,
        dataref,
        ...marks,
      }));
      expect((await bus.publishRaw(name, events)).every(({ ok }) => ok)).toBe(true);
      for (const n of refs.keys()) {
        const { at } = await spy.waitFor("deadLettered", `h-${n}`);
        const reason = at.reason as DeadLetterReason;
        expect(reason).toMatchObject({ reason: "claim-check", attempts: 1 });
        expect(reason.error).toContain("WB_CLAIM_CHECK_LOST");
      }
      await bus.close();
    });
  });
}

describe("the claim check", () => {
  it("keeps the reason of a dead letter for which there was no room beside its event", async () => {
    const { topic, name, process } = setUp(memoryPlace("storage-queue"));
    const { bus, spy } = process();
    await bus.subscribe(topic, { name: "billing" }, () => {
      throw new PermanentError("no room");
    });
    // Just below the limit: it needs no claim check on its way, and its dead letter does.
    await bus.publish(topic, placed({ n: 1, text: "x".repeat(3_850) }, { id: "full" }));
    await spy.waitFor("deadLettered", "full");
    const letters = bus.deadLetters(name, "billing");
    const [record] = await letters.list();
    expect(record?.reason).toMatchObject({ reason: "rejected", error: "no room" });
    expect(record?.event).toMatchObject({ id: "full", dataref: expect.any(String) });
    await letters.close();
    await bus.close();
  });

  it("a store that hangs fails its own event at the deadline; what waits behind it goes on, other keys at once", async () => {
    const hanging: ClaimStore = { ...folderStore({ path: folder }), put: () => new Promise(() => undefined) };
    const broker = createMemoryBroker();
    const adapter = memory({ like: "kafka", broker, limits: { maxMessageBytes: 4_096 } });
    const bus = createBus({ source: "/s", adapter, claimCheck: { store: hanging }, publish: { deadlineMs: 300 } });
    const topic = defineTopic("orders", [placed]);
    const arrived: number[] = [];
    const tell = (n: number) => () => void arrived.push(n);
    const stuck = bus.publish(topic, placed({ n: 0, text: "x".repeat(9_000) }, { key: "a" }));
    const behind = bus.publish(topic, placed({ n: 1, text: "" }, { key: "a" })).then(tell(1), tell(-1));
    await bus.publish(topic, placed({ n: 2, text: "" }, { key: "b" })).then(tell(2));
    expect(arrived).toEqual([2]);
    await expect(stuck).rejects.toMatchObject({ code: "WB_PUBLISH_TIMEOUT" });
    await behind;
    expect(arrived).toHaveLength(2);
    await bus.close();
  });

  it("closing refuses what is still on its way to the store", async () => {
    const hanging: ClaimStore = { ...folderStore({ path: folder }), put: () => new Promise(() => undefined) };
    const adapter = memory({ like: "kafka", limits: { maxMessageBytes: 4_096 } });
    const bus = createBus({ source: "/s", adapter, claimCheck: { store: hanging } });
    const topic = defineTopic("orders", [placed]);
    const stuck = expect(bus.publish(topic, placed({ n: 0, text: "x".repeat(9_000) }))).rejects.toThrow("WB_CLOSED");
    await bus.publish(topic, placed({ n: 1, text: "" }));
    await bus.close();
    await stuck;
  });
});

describe.skipIf(azurite === undefined)("blobs", () => {
  it("refer to themselves by a URL without secrets, which is no other account's", async () => {
    const store = blobStore({ connectionString, container: "claims-own" });
    const reference = await store.put(Buffer.from("abc"), { contentType: "text/plain" }, never);
    expect(reference).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[a-z0-9]+\/claims-own\/\d{4}-\d{2}-\d{2}\/[0-9a-f-]{36}$/);
    expect(store.owns(reference)).toBe(true);
    expect(blobStore({ connectionString, container: "claims-other" }).owns(reference)).toBe(false);
    for (const bent of [
      `${reference}?sig=x`,
      `${reference}/../x`,
      reference.replace("claims-own/", "claims-own/../x/"),
    ]) {
      expect(store.owns(bent), bent).toBe(false);
    }
    expect(await store.get(reference, 1, never)).toHaveLength(2);
  });

  it("with a wrong key, or nobody there: an error that says so and no key", async () => {
    const wrong = connectionString.replace(/AccountKey=[^;]+/, "AccountKey=d3Jvbmcga2V5IQ==");
    const nobody = connectionString.replaceAll(/:\d{4,5}\//g, ":1/");
    for (const [given, kind] of [
      [wrong, "unauthorized"],
      [nobody, "transient"],
    ] as const) {
      const store = blobStore({ connectionString: given });
      const error = await store.put(Buffer.from("x"), { contentType: undefined }, never).catch((one: unknown) => one);
      expect(error).toMatchObject({ code: "WB_CLAIM_STORE_CALL" });
      expect(store.classify(error)).toBe(kind);
      expect(`${(error as Error).stack}`).not.toMatch(/d3Jvbmcga2V5|AccountKey/);
    }
    expect(() => blobStore({ connectionString: "AccountKey=c2VjcmV0" })).toThrow(
      /^(?!.*c2VjcmV0).*WB_CLAIM_STORE_OPTION/,
    );
    expect(() => blobStore({})).toThrow("exactly one must be given");
  });
});

it("folders hold one file for each claimed event, named by its day", () => {
  const days = readdirSync(join(folder, "kafka"));
  expect(days).toHaveLength(1);
  expect(readdirSync(join(folder, "kafka", days[0] as string)).every((name) => /^[0-9a-f-]{36}$/.test(name))).toBe(
    true,
  );
});
