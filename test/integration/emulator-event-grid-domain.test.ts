import { AzureKeyCredential, EventGridPublisherClient } from "@azure/eventgrid";
import { describe, expect, it } from "vitest";
import { type EventGridEmulator, eventually, open, webhook } from "./emulator-event-grid.fixture.ts";

const client = <S extends "CloudEvent" | "EventGrid">(emulator: EventGridEmulator, name: string, schema: S) =>
  new EventGridPublisherClient(emulator.topicEndpoint(name), schema, new AzureKeyCredential(emulator.key), {
    allowInsecureConnection: true,
    retryOptions: { maxRetries: 0 },
  });

/** Destinations that collect what each subscription gets. */
function sinks() {
  const got: Record<string, Record<string, unknown>[]> = {};
  const into = (name: string) => {
    got[name] = [];
    return {
      name,
      destination: {
        endpointType: "ServiceBusQueue",
        send: async ({ body }: { readonly body: string }) => void got[name]!.push(JSON.parse(body)),
      },
    } as const;
  };
  const ids = () => Object.fromEntries(Object.entries(got).map(([name, events]) => [name, events.map(({ id }) => id)]));
  return { got, into, ids };
}

describe("domains", () => {
  // fidelity event-grid: domains: each event to the topic that it names, and to the domain's own subscriptions
  it("hand a CloudEvent to the topic that its source names, and to the domain's own subscriptions", async () => {
    const { got, into, ids } = sinks();
    const emulator = await open({
      domains: [
        {
          name: "shop",
          subscriptions: [into("everything")],
          topics: [
            { name: "orders", subscriptions: [into("billing")] },
            { name: "payments", subscriptions: [into("ledger")] },
          ],
        },
      ],
    });
    await client(emulator, "shop", "CloudEvent").send([
      { id: "1", type: "t", source: "orders", data: {}, extensionAttributes: { topic: "payments" } },
      { id: "2", type: "t", source: "PAYMENTS", data: {} },
      { id: "3", type: "t", source: "nobody", data: {} },
    ]);
    await eventually(() => got.everything!.length === 3);
    expect(ids()).toEqual({ everything: ["1", "2", "3"], billing: ["1"], ledger: ["2"] });
    expect(got.billing![0]).toMatchObject({ source: "orders" });
  });

  // fidelity event-grid: domains: each event to the topic that it names, and to the domain's own subscriptions
  it("read `topic` in the Event Grid schema, by name or whole id, and deliver it as the id", async () => {
    const { got, into, ids } = sinks();
    const emulator = await open({
      domains: [
        {
          name: "shop",
          inputSchema: "EventGridSchema",
          topics: [{ name: "orders", subscriptions: [into("billing")] }],
        },
      ],
    });
    const send = (id: string, topic?: string) =>
      client(emulator, "shop", "EventGrid").send([
        { id, eventType: "T", subject: "", dataVersion: "", data: {}, ...(topic !== undefined && { topic }) },
      ]);
    await send("1", "orders");
    await eventually(() => got.billing!.length === 1);
    const topic = got.billing![0]!.topic as string;
    expect(topic).toMatch(/\/providers\/Microsoft\.EventGrid\/domains\/shop\/topics\/orders$/);
    await send("2", topic);
    await send("3", "payments");
    await eventually(() => got.billing!.length === 2);
    expect(ids()).toEqual({ billing: ["1", "2"] });
  });

  // fidelity event-grid: domains: events that name no topic are refused
  it("refuse an event that names no topic, with all that came with it", async () => {
    const { into, ids } = sinks();
    const emulator = await open({
      domains: [
        { name: "new", subscriptions: [into("clouds")] },
        { name: "old", inputSchema: "EventGridSchema", subscriptions: [into("grids")] },
      ],
    });
    const refusal = {
      statusCode: 400,
      code: "BadRequest",
      message: expect.stringContaining("either be a full resource id or should be just the name of the domain topic"),
      details: { body: { error: { details: [{ code: "InputJsonInvalid" }] } } },
    };
    const cloud = { type: "t", data: {} };
    for (const source of ["http://localhost", "/orders", "or"])
      await expect(
        client(emulator, "new", "CloudEvent").send([
          { ...cloud, source: "orders" },
          { ...cloud, source },
        ]),
      ).rejects.toMatchObject(refusal);
    const grid = { eventType: "T", subject: "", dataVersion: "", data: {} };
    for (const event of [grid, { ...grid, topic: "/subscriptions/x/domains/other/topics/orders" }])
      await expect(client(emulator, "old", "EventGrid").send([event])).rejects.toMatchObject(refusal);
    expect(ids()).toEqual({ clouds: [], grids: [] });
  });

  // fidelity event-grid: domains: a domain topic comes with its first subscription and goes with the last
  it("have a topic from its first subscription to its last", async () => {
    const hook = await webhook();
    const emulator = await open();
    emulator.control.createDomain("shop", "EventGridSchema");
    const destination = { endpointType: "WebHook", endpointUrl: hook.url } as const;
    await emulator.control.createSubscription("shop/orders", { name: "billing", destination });
    const [handshake] = hook.requests;
    expect(JSON.parse(handshake!.body)[0].topic).toMatch(/\/domains\/shop\/topics\/orders$/);
    const send = (id: string) =>
      client(emulator, "shop", "EventGrid").send([
        { id, topic: "orders", eventType: "T", subject: "", dataVersion: "", data: {} },
      ]);
    await send("1");
    expect(JSON.parse((await hook.next(0)).body)[0].id).toBe("1");
    emulator.control.deleteSubscription("shop/orders", "billing");
    expect(() => emulator.control.state("shop/orders", "billing")).toThrow(/no topic 'shop\/orders'/);
    await send("2");
    expect(hook.notifications()).toHaveLength(1);
    await expect(
      emulator.control.createSubscription("nothing/orders", { name: "billing", destination }),
    ).rejects.toMatchObject({ status: 404 });
  });
});

describe("partner namespaces", () => {
  // fidelity event-grid partial: partner topics, by the channel that `channelName` names — what the service answers to a channel that is missing is not documented
  it("hand events to the partner topic of the channel that the request names", async () => {
    const { got, into, ids } = sinks();
    const emulator = await open({
      partnerNamespaces: [
        {
          name: "partner",
          channels: [
            { name: "first", subscriptions: [into("one")] },
            { name: "second", subscriptions: [into("two")] },
          ],
        },
      ],
    });
    const send = (options?: { channelName: string }) =>
      client(emulator, "partner", "CloudEvent").send([{ id: "1", type: "t", source: "/any", data: {} }], options);
    await send({ channelName: "second" });
    await eventually(() => got.two!.length === 1);
    expect(ids()).toEqual({ one: [], two: ["1"] });
    await expect(send()).rejects.toMatchObject({ statusCode: 400 });
    await expect(send({ channelName: "third" })).rejects.toMatchObject({ statusCode: 404 });
  });
});
