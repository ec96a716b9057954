import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createBus, defineEvent, defineTopic } from "@waybill/core";
import { memory } from "@waybill/memory";
import { createOutbox, createRelay } from "@waybill/outbox";
import { eventually } from "@waybill/outbox/conformance";
import { sqlite } from "@waybill/outbox/sqlite";
import { expect, test } from "vitest";
import { z } from "zod";

const noted = defineEvent("com.example.noted", z.object({ n: z.number(), text: z.string() }));
const notes = defineTopic("notes", [noted]);

/** A relay over a bus of a broker that takes messages up to so many bytes; what arrives is in `data`. */
async function over(store: ReturnType<typeof sqlite>, maxMessageBytes: number) {
  const bus = createBus({ source: "/s", adapter: memory({ limits: { maxMessageBytes } }) });
  const data: number[] = [];
  await bus.subscribe(notes, { name: "reader", order: "required" }, async (event) => void data.push(event.data.n));
  const relay = createRelay({ store, publisher: bus });
  await relay.start();
  return {
    data,
    async stop() {
      await relay.drain({ deadlineMs: 5_000 });
      await bus.close();
    },
  };
}

test("an event too large for the broker is given up with its size; its key goes on, and it can be retried on a larger broker", async () => {
  const folder = await mkdtemp(join(tmpdir(), "waybill-too-large-"));
  const store = sqlite({ path: join(folder, "store.db") });
  try {
    const outbox = createOutbox({ store, source: "/s" });
    const small = await over(store, 2_000);
    await outbox.transaction((tx) =>
      outbox.publish(
        tx,
        notes,
        ["", "x".repeat(5_000), ""].map((text, n) => noted({ n, text }, { key: "k" })),
      ),
    );
    await eventually(() => small.data.length === 2);
    expect(small.data).toEqual([0, 2]);
    await eventually(async () => (await store.counts()).waiting === 0);
    expect(await store.counts()).toMatchObject({ waiting: 0, parked: 0, dead: 1 });
    const [dead] = await store.dead.list({ max: 10, after: 0 });
    expect(dead).toMatchObject({ topic: "notes", key: "k", reason: "refused", attempts: 1 });
    expect(dead!.error).toMatch(/WB_EVENT_TOO_LARGE.*2.?000/s);
    await small.stop();

    const large = await over(store, 20_000);
    expect(await store.dead.retry([dead!.position])).toBe(1);
    await eventually(() => large.data.length === 1);
    expect(large.data).toEqual([1]);
    await eventually(async () => (await store.counts()).parked === 0);
    await large.stop();
  } finally {
    await store.close();
    await rm(folder, { recursive: true });
  }
});
