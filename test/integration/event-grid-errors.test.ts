import { inspect } from "node:util";
import { AzureKeyCredential, generateSharedAccessSignature } from "@azure/eventgrid";
import { createBus, isWaybillError, WaybillError } from "@waybill/core";
import { type EventGridOptions, eventGrid } from "@waybill/event-grid";
import { describe, expect, it, onTestFinished } from "vitest";
import { open, rest } from "./emulator-event-grid.fixture.ts";
import { message, namespace, raw } from "./event-grid-adapter.fixture.ts";
import { never } from "./sender-and-receiver.fixture.ts";

describe("errors", () => {
  const KEY = "Y2FuYXJ5LWtleS1vZi1ldmVudC1ncmlk";

  /** Everything that a program could print of it. */
  const printed = (error: unknown) => {
    const { cause } = error as Error;
    return [
      String(error),
      (error as Error).stack,
      inspect(error, { depth: 10, showHidden: true }),
      JSON.stringify(error),
      JSON.stringify(cause),
    ].join("\n");
  };

  async function failure(work: () => unknown): Promise<WaybillError> {
    const startMs = Date.now();
    const error = await (async () => work())().then(
      (answer) => (Array.isArray(answer) ? (answer[0] as { error?: unknown })?.error : undefined),
      (thrown: unknown) => thrown,
    );
    expect(Date.now() - startMs).toBeLessThan(5_000);
    expect(error).toBeInstanceOf(WaybillError);
    const { code, sentence, hint } = error as WaybillError;
    expect(code).toMatch(/^WB_/);
    expect(sentence.length).toBeGreaterThan(20);
    expect(hint.length).toBeGreaterThan(10);
    expect(printed(error)).not.toContain(KEY);
    return error as WaybillError;
  }

  const one = [message(raw("1", 1))];
  const send = async (options: EventGridOptions, topic = "orders", messages = one) =>
    (await eventGrid(options).openSender(topic)).send(messages, never);

  it("a wrong key, for a namespace, a custom topic and a receiver", async () => {
    const emulator = await open({
      topics: ["orders"],
      namespaces: [{ name: "shop", topics: [{ name: "orders", subscriptions: [{ name: "billing" }] }] }],
    });
    const endpoint = emulator.endpoint;
    const topics = { orders: { endpoint: emulator.topicEndpoint("orders"), key: KEY } };
    for (const work of [
      () => send({ endpoint, key: KEY }),
      () => send({ kind: "custom", topics }),
      () =>
        eventGrid({ endpoint, key: KEY }).openReceiver({
          topic: "orders",
          subscription: "billing",
          startFrom: "earliest",
        }),
    ]) {
      const error = await failure(work);
      expect(eventGrid({ endpoint, key: KEY }).classify(error)).toBe("unauthorized");
      expect(error.hint).toMatch(/EventGrid Data/);
    }
    expect(await eventGrid({ endpoint, key: KEY, subscriptions: { orders: ["billing"] } }).health(never)).toMatchObject(
      { ok: false },
    );
    expect(await eventGrid({ kind: "custom", topics }).health(never)).toMatchObject({ ok: false });
    expect(await eventGrid({ kind: "domain", endpoint, key: KEY }).health(never)).toMatchObject({ ok: false });
  });

  it("a SAS that is good, and one that has expired", async () => {
    const emulator = await open({ topics: ["orders"] });
    const endpoint = emulator.topicEndpoint("orders");
    const sas = (untilMs: number) =>
      generateSharedAccessSignature(endpoint, new AzureKeyCredential(emulator.key), new Date(Date.now() + untilMs));
    expect(await send({ kind: "custom", topics: { orders: { endpoint, sas: await sas(60_000) } } })).toMatchObject([
      { ok: true },
    ]);
    const expired = await sas(-60_000);
    const error = await failure(() => send({ kind: "custom", topics: { orders: { endpoint, sas: expired } } }));
    expect(error.hint).toMatch(/expiry/);
    expect(printed(error)).not.toContain(expired.split("&s=")[1]);
  });

  it("a topic, an event subscription and an address that do not exist", async () => {
    const { emulator, adapter } = await namespace();
    const { endpoint, key } = emulator;
    expect(adapter.classify(await failure(() => send({ endpoint, key }, "absent")))).toBe("not-found");
    const source = { topic: "orders", subscription: "absent", startFrom: "earliest" } as const;
    const missing = await failure(() => adapter.openReceiver(source));
    expect(adapter.classify(missing)).toBe("not-found");
    expect(missing.hint).toMatch(/waybill topology plan/);
    expect(adapter.classify(await failure(() => send({ endpoint: "http://127.0.0.1:1", key })))).toBe("transient");
  });

  it("an event that is too large, and a message that has headers or no body", async () => {
    const { adapter } = await namespace();
    const sender = await adapter.openSender("orders");
    const large = message(raw("1", "x".repeat(1_100_000)));
    expect((await failure(() => sender.send([large], never))).code).toBe("WB_EVENT_GRID_TOO_LARGE");
    const headed = { id: "1", body: Buffer.from("{}"), headers: { a: "b" } };
    expect((await failure(() => sender.send([headed], never))).code).toBe("WB_EVENT_GRID_MESSAGE");
    expect((await failure(() => sender.send([{ id: "1", body: null, headers: {} }], never))).code).toBe(
      "WB_EVENT_GRID_MESSAGE",
    );
  });

  it("HTTP 403 for a quota, for a size and for a client that is kept out", async () => {
    const { emulator, adapter } = await namespace();
    const sender = await adapter.openSender("orders");
    const refused = (words: string) => {
      emulator.control.refuse(403, 1, words);
      return failure(() => sender.send(one, never));
    };
    const quota = await refused("The publish quota of the namespace has been exceeded.");
    expect(adapter.classify(quota)).toBe("throttled");
    expect(quota.sentence).toMatch(/HTTP 403, Forbidden, The publish quota/);
    expect(quota.hint).toMatch(/throughput units/);
    const kept = await refused("Publishing to shop by client 10.0.0.1 is rejected due to IpAddress filtering rules.");
    expect(adapter.classify(kept)).toBe("unauthorized");
    expect(kept.hint).toMatch(/IP firewall/);
    const { status, body } = await rest(emulator, "/topics/orders:publish", [raw("1", "x".repeat(1_100_000))]);
    expect([status, adapter.classify({ statusCode: status, ...body.error })]).toEqual([403, "too-large"]);
  });

  it("through the bus, a publish waits for a quota that is used up", async () => {
    const { emulator, adapter } = await namespace();
    const bus = createBus({ source: "/shop", adapter });
    onTestFinished(() => bus.close());
    emulator.control.refuse(403, 2, "The publish quota of the namespace has been exceeded.");
    expect(await bus.publishRaw("orders", raw("1", 1))).toMatchObject({ ok: true });
    expect(emulator.control.state("shop/orders", "billing").events).toHaveLength(1);
  });

  it("through the bus, a wrong key ends a publish at once", async () => {
    const { emulator } = await namespace();
    const bus = createBus({ source: "/shop", adapter: eventGrid({ endpoint: emulator.endpoint, key: KEY }) });
    onTestFinished(() => bus.close());
    const startMs = Date.now();
    const outcome = await bus.publishRaw("orders", raw("1", 1));
    expect(outcome.ok).toBe(false);
    expect(Date.now() - startMs).toBeLessThan(5_000);
    expect(isWaybillError((outcome as { error: unknown }).error)).toBe(true);
  });
});
