import { type Bus, createBus } from "@waybill/core";
import { type Like, type MemoryOptions, memory } from "@waybill/memory";
import { expect, it, onTestFinished, vi } from "vitest";

const PATIENCE = { timeout: 20_000, interval: 10 };
const subscriptions = { orders: ["billing"] };
const events = (count: number, data: unknown = null) =>
  Array.from({ length: count }, (_, n) => ({
    specversion: "1.0" as const,
    id: `e-${n}`,
    source: "/shop",
    type: "placed",
    partitionkey: "k",
    data,
  }));
/** Waits are not short, so they are not spent in place. */
const retry = { initialMs: 20, inPlaceMs: 0, jitter: 0, factor: 1 };
const options = { name: "billing", order: "none", retry } as const;

/** The topic on one broker, what returns to `billing` on another. */
function open(topic: Like, keeper: Like, kept: Partial<MemoryOptions> = {}) {
  const trouble: unknown[] = [];
  const ways: string[] = [];
  const bus = createBus({
    source: "/shop",
    adapters: {
      main: memory({ like: topic, subscriptions }),
      keeper: memory({ like: keeper, subscriptions, ...kept }),
    },
    topics: { orders: "main", "orders/billing": "keeper" },
    observers: [{ trouble: ({ error }) => trouble.push(error), retrying: ({ way }) => ways.push(way) }],
  });
  onTestFinished(() => bus.close());
  return { bus, trouble, ways };
}
const subscribe = (bus: Bus, more: object = {}) =>
  bus.subscribe("orders", { ...options, ...more }, async () => undefined);

it("shares its handlers between the topic and what returns, and neither waits for the other to be empty", async () => {
  const { bus } = open("event-hubs", "storage-queue");
  const seen: { id: string; attempt: number }[] = [];
  let running = 0;
  let most = 0;
  await bus.publishRaw("orders", events(300));
  await bus.subscribe("orders", { ...options, concurrency: 1 }, async ({ id }, { attempt }) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 5));
    running--;
    seen.push({ id, attempt });
    if (Number(id.slice(2)) < 50 && attempt === 1) throw new Error("not yet");
  });
  await vi.waitFor(() => expect(seen).toHaveLength(350), PATIENCE);
  expect(most).toBe(1);
  const isReturn = ({ attempt }: { attempt: number }) => attempt === 2;
  expect(seen.filter(isReturn)).toHaveLength(50);
  // All of them came while the topic still had events.
  expect(seen.findLastIndex(isReturn)).toBeLessThan(300);
});

it("keeps an event in place that the other broker does not take", async () => {
  const { bus, trouble, ways } = open("event-hubs", "storage-queue", { limits: { maxMessageBytes: 1_000 } });
  const attempts: number[] = [];
  await bus.subscribe("orders", options, async (_, { attempt }) => {
    attempts.push(attempt);
    if (attempt < 3) throw new Error("not yet");
  });
  await bus.publishRaw("orders", events(1, "x".repeat(5_000)));
  await vi.waitFor(() => expect(attempts).toEqual([1, 2, 3]), PATIENCE);
  expect(ways).toEqual(["copy", "copy"]);
  expect(trouble.map((error) => (error as { code: string }).code)).toEqual(Array(2).fill("WB_EVENT_TOO_LARGE"));
});

it("pauses, drains and closes as one, and gives its name free", async () => {
  const { bus } = open("event-hubs", "storage-queue");
  const seen: number[] = [];
  const subscription = await bus.subscribe("orders", options, async (_, { attempt }) => {
    seen.push(attempt);
    if (attempt === 1) throw new Error("not yet");
  });
  expect(subscription.guarantee).toMatchObject({ order: "none", retry: "copy", deadLetter: "copy" });
  await subscription.pause();
  await bus.publishRaw("orders", events(1));
  expect(await bus.backlog("orders", "billing")).toMatchObject({ events: 1 });
  await subscription.resume();
  await vi.waitFor(() => expect(seen).toEqual([1, 2]), PATIENCE);
  await expect(subscribe(bus)).rejects.toMatchObject({ code: "WB_SUBSCRIPTION_EXISTS" });
  expect(await subscription.drain()).toEqual({ abandoned: 0 });
  await (await subscribe(bus)).close();
});

it("refuses a broker where nothing reaches one subscription alone, and leaves nothing open", async () => {
  const { bus } = open("event-hubs", "event-grid-webhook");
  for (const _ of [1, 2]) {
    await expect(subscribe(bus)).rejects.toMatchObject({
      code: "WB_RETURNS_UNSUPPORTED",
      sentence: expect.stringContaining("nothing there reaches that subscription alone"),
    });
  }
});

it("asks for a place for what is given up, where the topic's broker has a store that takes only its own", async () => {
  const { bus } = open("service-bus", "storage-queue");
  await expect(subscribe(bus)).rejects.toMatchObject({ code: "WB_RETURNS_UNSUPPORTED" });
  await expect(subscribe(bus, { deadLetterTo: "orders" })).resolves.toMatchObject({ name: "billing" });
});

it("takes topic/subscription among the topics, and nothing longer", () => {
  const adapters = { main: memory({ subscriptions }) };
  for (const topic of ["orders/billing/dead", "orders/*", "/billing", "orders/"]) {
    expect(() => createBus({ source: "/shop", adapters, topics: { [topic]: "main" } })).toThrow(/WB_OPTION_INVALID/);
  }
});
