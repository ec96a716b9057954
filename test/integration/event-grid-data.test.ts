import { AzureKeyCredential, EventGridPublisherClient } from "@azure/eventgrid";
import type { AzureDelivery } from "@waybill/emulators";
import { eventGrid } from "@waybill/event-grid";
import { describe, expect, it } from "vitest";
import { eventually, open, rest } from "./emulator-event-grid.fixture.ts";
import { EXTENSIONS, eventOf, message, namespace, raw, receiveAll, source } from "./event-grid-adapter.fixture.ts";
import { never } from "./sender-and-receiver.fixture.ts";

/** Everything that `data` can be. */
const ANY_DATA: readonly [what: string, data: unknown, more?: object][] = [
  ["an object", { a: 1, "": [null] }],
  ["text", "plain"],
  ["empty text", ""],
  ["a number", 42.5],
  ["zero", 0],
  ["false", false],
  ["an array", [1, { b: 2 }, "c"]],
  ["an empty array", []],
  ["null", null],
  ["nothing", undefined],
  ["a key named __proto__", JSON.parse('{"__proto__":{"polluted":true}}')],
  ["bytes", Uint8Array.of(0, 255, 10), { datacontenttype: "application/octet-stream" }],
  ["text of another type", "<a/>", { datacontenttype: "text/xml" }],
];

describe("what the bare SDK does to data, and we do not", () => {
  it("@azure/eventgrid refuses text, numbers and booleans, and makes objects of arrays", async () => {
    const emulator = await open({ topics: ["orders"] });
    const received: AzureDelivery[] = [];
    await emulator.control.createSubscription("orders", {
      name: "all",
      destination: { endpointType: "ServiceBusQueue", send: async (delivery) => void received.push(delivery) },
    });
    const client = new EventGridPublisherClient(
      emulator.topicEndpoint("orders"),
      "CloudEvent",
      new AzureKeyCredential(emulator.key),
      { allowInsecureConnection: true },
    );
    const send = (data: unknown) => client.send([{ type: "t", source: "/s", id: "1", data: data as never }]);
    for (const data of ["plain", 42.5, false]) await expect(send(data)).rejects.toThrow(/must be of type object/);
    await send([1, 2]);
    await eventually(() => received.length === 1);
    expect(JSON.parse(received[0]!.body).data).toEqual({ "0": 1, "1": 2 });
  });

  it("custom topic: any data and every extension arrive", async () => {
    const emulator = await open({ topics: ["orders"] });
    const received: AzureDelivery[] = [];
    await emulator.control.createSubscription("orders", {
      name: "all",
      destination: { endpointType: "ServiceBusQueue", send: async (delivery) => void received.push(delivery) },
    });
    const adapter = eventGrid({
      kind: "custom",
      topics: { orders: { endpoint: emulator.topicEndpoint("orders"), key: emulator.key } },
    });
    const sender = await adapter.openSender("orders");
    const events = ANY_DATA.map(([what, data, more]) => raw(what, data, { ...EXTENSIONS, ...more }));
    const outcomes = await sender.send(events.map(message), never);
    expect(outcomes.filter(({ ok }) => !ok)).toEqual([]);
    await eventually(() => received.length === events.length);
    const came = received.map(({ body, contentType }) =>
      eventOf({ message: { id: "", body: Buffer.from(body), headers: {}, contentType } }),
    );
    // Azure destinations get the event as it travels: what has no data says null there, with a mark.
    const plain = came.filter(({ id }) => id !== "nothing");
    expect(plain).toEqual(expect.arrayContaining(events.filter(({ id }) => id !== "nothing")));
    expect(plain).toHaveLength(events.length - 1);
  });

  it("namespace: any data and every extension come back by pull, with the count of deliveries", async () => {
    const { adapter } = await namespace();
    const sender = await adapter.openSender("orders");
    const events = ANY_DATA.map(([what, data, more]) => raw(what, data, { ...EXTENSIONS, ...more }));
    expect((await sender.send(events.map(message), never)).every(({ ok }) => ok)).toBe(true);
    const receiver = await adapter.openReceiver(source);
    const deliveries = await receiveAll(receiver, events.length);
    expect(deliveries.map(eventOf)).toEqual(events);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    for (const delivery of deliveries) expect(delivery.deliveryCount).toBe(1);
  });

  it("to a domain, `source` names the domain topic on the way and is the event's own again on arrival", async () => {
    const received: AzureDelivery[] = [];
    const sink = {
      name: "all",
      destination: {
        endpointType: "ServiceBusQueue",
        send: async (delivery: AzureDelivery) => void received.push(delivery),
      },
    } as const;
    const emulator = await open({
      domains: [{ name: "shop", topics: [{ name: "dev--orders", subscriptions: [sink] }] }],
    });
    const adapter = eventGrid({
      kind: "domain",
      endpoint: emulator.topicEndpoint("shop"),
      key: emulator.key,
      prefix: "dev",
    });
    for (const topic of ["orders", "payments"]) {
      const sender = await adapter.openSender(topic);
      const events = ANY_DATA.map(([what, data, more]) => raw(`${topic} ${what}`, data, { ...EXTENSIONS, ...more }));
      expect((await sender.send(events.map(message), never)).filter(({ ok }) => !ok)).toEqual([]);
    }
    await eventually(() => received.length === ANY_DATA.length);
    const sent = received.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
    for (const event of sent)
      expect(event).toMatchObject({ source: "dev--orders", wbsource: "/shop", id: expect.stringMatching(/^orders /) });
    await expect(adapter.openSender("orders/billing/dead")).rejects.toMatchObject({ code: "WB_EVENT_GRID_UNDECLARED" });
  });
});

it("speaks to a namespace as its REST interface is documented", async () => {
  const { emulator, adapter } = await namespace();
  const foreign = raw("1", { a: 1 }, EXTENSIONS);
  const structured = { "content-type": "application/cloudevents+json" };
  expect((await rest(emulator, "/topics/orders:publish", foreign, structured)).status).toBe(200);
  const receiver = await adapter.openReceiver(source);
  const [delivery] = await receiveAll(receiver, 1);
  expect(eventOf(delivery!)).toEqual(foreign);
  await (await adapter.openSender("orders")).send([message(raw("2", { a: 1 }, EXTENSIONS))], never);
  const { body } = await rest(emulator, "/topics/orders/eventsubscriptions/billing:receive?maxEvents=1&maxWaitTime=10");
  expect(body.value[0].event).toEqual(raw("2", { a: 1 }, EXTENSIONS));
});
