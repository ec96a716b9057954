import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assess, createBus, type RawCloudEvent } from "@waybill/core";
import { eventGrid, eventGridWebhook, storing } from "@waybill/event-grid";
import { createInbox, createOutbox } from "@waybill/outbox";
import { sqlite } from "@waybill/outbox/sqlite";
import { CloudEvent, HTTP } from "cloudevents";
import { describe, expect, it, onTestFinished } from "vitest";
import { cloudEvent, eventually, open } from "./emulator-event-grid.fixture.ts";
import { BATCH, HEADER, KNOCK, post, running, SECRET, serve } from "./webhook-server.fixture.ts";

/** Nothing is sent there. */
const NOWHERE = "http://127.0.0.1:1/api/events";

describe("settled by core", () => {
  it("while nobody has the subscription open it answers 503, and the event comes again", async () => {
    const { emulator, bus, events, endpointUrl, subscribe } = await running(serve);
    await emulator.control.createSubscription("orders", {
      name: "billing",
      destination: { endpointType: "WebHook", endpointUrl },
    });
    await bus.publishRaw("orders", cloudEvent("1") as never);
    await eventually(() =>
      emulator.control.state("orders", "billing").events.some((one) => "attempts" in one && one.attempts === 1),
    );
    await subscribe();
    emulator.control.advanceClock(40_000);
    await eventually(() => events.length === 1);
  });

  it("a domain hands each topic's events to its own webhook, with the source that they had", async () => {
    const emulator = await open({ domains: [{ name: "shop" }] });
    const endpoint = emulator.topicEndpoint("shop");
    const adapter = eventGrid({ kind: "domain", endpoint, key: emulator.key, webhook: HEADER });
    const bus = createBus({ source: "/shop", adapter });
    onTestFinished(() => bus.close());
    const came: Record<string, RawCloudEvent[]> = { orders: [], payments: [] };
    for (const [topic, events] of Object.entries(came)) {
      await bus.subscribe(topic, { name: "billing" }, (event) => void events.push(event as RawCloudEvent));
      const endpointUrl = await serve(adapter.webhook(topic, "billing"));
      const deliveryAttributeMappings = [
        { name: "x-webhook-secret", type: "Static", properties: { value: SECRET, isSecret: true } },
      ] as const;
      const destination = { endpointType: "WebHook", endpointUrl, deliveryAttributeMappings } as const;
      await emulator.control.createSubscription(`shop/${topic}`, { name: "billing", destination });
    }
    const sent = { orders: cloudEvent("1", { data: [1, "ü"], count: 7 }), payments: cloudEvent("2") };
    for (const [topic, event] of Object.entries(sent)) await bus.publishRaw(topic, event as never);
    await eventually(() => came.orders!.length + came.payments!.length === 2);
    expect(came).toEqual({ orders: [sent.orders], payments: [sent.payments] });
  });

  it("a namespace pushes to one subscription and is pulled by another, of one topic and one adapter", async () => {
    const topics = ["orders", "orders--mail--dead"].map((name) => ({ name, subscriptions: [{ name: "mail" }] }));
    const emulator = await open({ namespaces: [{ name: "shop", topics }] });
    const { endpoint, key } = emulator;
    const adapter = eventGrid({ endpoint, key, webhook: HEADER, pushed: ["orders/billing"] });
    const bus = createBus({ source: "/shop", adapter });
    onTestFinished(() => bus.close());
    const came: string[] = [];
    for (const name of ["billing", "mail"]) {
      await bus.subscribe("orders", { name }, ({ id }) => void came.push(`${name} ${id}`));
    }
    const endpointUrl = await serve(adapter.webhook("orders", "billing"));
    const deliveryAttributeMappings = [
      { name: "x-webhook-secret", type: "Static", properties: { value: SECRET, isSecret: true } },
    ] as const;
    const destination = { endpointType: "WebHook", endpointUrl, deliveryAttributeMappings } as const;
    await emulator.control.createSubscription("shop/orders", { name: "billing", destination });
    await bus.publishRaw("orders", cloudEvent("1") as never);
    await eventually(() => came.length === 2);
    expect(came.sort()).toEqual(["billing 1", "mail 1"]);
    await eventually(() => emulator.control.state("shop/orders", "billing").delivered === 1);
  });

  it("a batch is answered 2xx only when each of its events is done with", async () => {
    const { bus, adapter } = await running(serve);
    const url = await serve(adapter.webhook("orders", "billing"));
    let open: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const done: string[] = [];
    await bus.subscribe("orders", { name: "billing" }, async ({ id }) => {
      if (id === "slow") await gate;
      done.push(id);
    });
    let status: number | undefined;
    const answered = post(
      `${url}/?code=${encodeURIComponent(SECRET)}`,
      [cloudEvent("quick"), cloudEvent("slow")],
      BATCH,
    ).then((answer) => {
      status = answer.status;
    });
    await eventually(() => done.includes("quick"));
    expect(status).toBeUndefined();
    open?.();
    await answered;
    expect({ status, done }).toEqual({ status: 204, done: ["quick", "slow"] });
  });

  it("a handler that takes longer than the patience: 503 in time, its signal aborts, and a late outcome settles nothing", async () => {
    const { bus, adapter, spy } = await running(serve, { webhook: { ...HEADER, patienceMs: 300 } });
    const url = await serve(adapter.webhook("orders", "billing"));
    let reason: unknown;
    await bus.subscribe(
      "orders",
      { name: "billing" },
      (_event, { signal }) =>
        new Promise<void>((resolve) => {
          signal.addEventListener("abort", () => {
            reason = signal.reason;
            resolve();
          });
        }),
    );
    const answer = await post(url, cloudEvent("1"), KNOCK);
    expect(answer.status).toBe(503);
    await eventually(() => reason !== undefined);
    await spy.waitFor("lost", undefined, 20_000);
  });
});

it.each([
  ["a custom topic", { kind: "custom", topics: { orders: { endpoint: NOWHERE } } }, "none"],
  [
    "a custom topic, with another for dead letters",
    { kind: "custom", topics: { orders: { endpoint: NOWHERE }, "orders/billing/dead": { endpoint: NOWHERE } } },
    "copy",
  ],
  ["a domain", { kind: "domain", endpoint: NOWHERE }, "none"],
  [
    "a domain, with a topic set by hand for dead letters",
    { kind: "domain", endpoint: NOWHERE, names: { "orders/billing/dead": "graves" } },
    "copy",
  ],
  ["a namespace", { endpoint: NOWHERE, pushed: ["orders/billing"] }, "copy"],
] as const)("says what takes dead letters before there are any: %s", async (_, options, expected) => {
  const adapter = eventGrid({ key: "a2V5", webhook: HEADER, ...options });
  const bus = createBus({ source: "/shop", adapter });
  onTestFinished(() => bus.close());
  const { guarantee } = await bus.subscribe("orders", { name: "billing" }, () => undefined);
  expect(guarantee.deadLetter).toBe(expected);
  const description = await adapter.describe!({ topic: "orders", subscription: "billing" }, AbortSignal.timeout(5_000));
  const asked = { topic: "orders", description, inbox: false, outbox: false, claimCheck: false };
  expect(assess({ ...asked, options: { name: "billing" } }).granted?.guarantee.deadLetter).toBe(expected);
  const elsewhere = { name: "billing", deadLetterTo: "graves" };
  expect(assess({ ...asked, options: elsewhere }).granted?.guarantee.deadLetter).toBe("copy");
});

describe("without a loop", () => {
  it("bus.process answers: done 204, again 503, given up 400", async () => {
    const bus = createBus({ source: "/shop", adapter: eventGrid({ kind: "custom", topics: {} }) });
    onTestFinished(() => bus.close());
    await bus.subscribe("orders", { name: "billing", loop: false, retry: { attempts: 2 } }, ({ id }) => {
      if (id === "bad") throw new Error("out of stock");
    });
    const url = await serve(eventGridWebhook({ ...HEADER, take: ({ message }) => bus.process("orders", message) }));
    expect((await post(url, cloudEvent("good"), KNOCK)).status).toBe(204);
    expect((await post(url, cloudEvent("bad"), KNOCK)).status).toBe(503);
    expect((await post(url, "no event at all", KNOCK)).status).toBe(400);
    // One answer is for all: what failed comes again, and what is given up must not take its neighbour with it.
    expect((await post(url, [cloudEvent("good"), cloudEvent("bad")], { ...BATCH, ...KNOCK })).status).toBe(503);
    expect((await post(url, [cloudEvent("good"), "no event"], { ...BATCH, ...KNOCK })).status).toBe(503);
    expect((await post(url, ["no event", cloudEvent("bad")], { ...BATCH, ...KNOCK })).status).toBe(503);
  });

  it("stored first: answered once the event is durable, once for each event, and not before", async () => {
    const folder = await mkdtemp(join(tmpdir(), "waybill-webhook-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const store = await sqlite({ path: join(folder, "inbox.db") });
    onTestFinished(() => store.close());
    const [inbox, outbox] = [createInbox({ store }), createOutbox({ store, source: "/shop" })];
    let broken = true;
    const take = storing((event, signal) =>
      inbox.process(
        { topic: "orders", subscription: "billing", source: event.source, id: event.id },
        async (tx) => {
          if (broken) throw new Error("the disk is full");
          await outbox.publishRaw(tx, "orders-in", event);
        },
        signal,
      ),
    );
    const url = await serve(eventGridWebhook({ ...HEADER, take }));
    const waiting = async () => (await store.counts()).waiting;
    expect((await post(url, cloudEvent("1"), KNOCK)).status).toBe(503);
    expect(await waiting()).toBe(0);
    broken = false;
    expect((await post(url, cloudEvent("1"), KNOCK)).status).toBe(204);
    expect((await post(url, cloudEvent("1"), KNOCK)).status).toBe(204);
    expect((await post(url, [cloudEvent("1"), cloudEvent("2")], { ...BATCH, ...KNOCK })).status).toBe(204);
    expect(await waiting()).toBe(2);
    expect((await post(url, "no event", KNOCK)).status).toBe(400);
  });
});

it("reads what the cloudevents SDK sends, in binary and in structured mode", async () => {
  const adapter = eventGrid({ kind: "custom", topics: {}, webhook: HEADER });
  const bus = createBus({ source: "/shop", adapter });
  onTestFinished(() => bus.close());
  const came: RawCloudEvent[] = [];
  await bus.subscribe("orders", { name: "billing" }, (event) => void came.push(event as RawCloudEvent));
  const url = await serve(adapter.webhook("orders", "billing"));
  const event = new CloudEvent({
    id: "1",
    source: "/foreign",
    type: "order.placed",
    subject: "o-1",
    partitionkey: "k",
    data: { a: "ü" },
    datacontenttype: "application/json",
  });
  for (const mode of [HTTP.binary, HTTP.structured]) {
    const { headers, body } = mode(event);
    const answer = await fetch(url, {
      method: "POST",
      headers: { ...(headers as Record<string, string>), ...KNOCK },
      body: body as string,
    });
    expect(answer.status).toBe(204);
  }
  expect(came).toHaveLength(2);
  for (const one of came)
    expect(one).toMatchObject({ id: "1", source: "/foreign", subject: "o-1", partitionkey: "k", data: { a: "ü" } });
});
