import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventHubConsumerClient, EventHubProducerClient } from "@azure/event-hubs";
import { ServiceBusClient, type ServiceBusReceivedMessage } from "@azure/service-bus";
import { startEventGridEmulator, startEventHubsEmulator, startServiceBusEmulator } from "@waybill/emulators";
import { describe, expect, it, onTestFinished } from "vitest";
import { startEmulatorProcess } from "../emulators/emulator-process.ts";

const CONFIG = {
  only: ["service-bus"] as const,
  serviceBus: {
    config: {
      UserConfig: {
        Namespaces: [
          {
            Queues: [
              { Name: "work", Properties: { MaxDeliveryCount: 3 } },
              { Name: "sessions", Properties: { RequiresSession: true } },
              { Name: "once", Properties: { RequiresDuplicateDetection: true } },
            ],
            Topics: [
              {
                Name: "orders",
                Subscriptions: [
                  {
                    Name: "large",
                    Rules: [
                      {
                        Name: "big",
                        Properties: { FilterType: "Sql", SqlFilter: { SqlExpression: "total > 10" } },
                      },
                    ],
                  },
                ],
              },
            ],
          },
        ],
      },
    },
  },
};

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "waybill-durable-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

async function start(dataDir: string) {
  const emulator = await startEmulatorProcess({ ...CONFIG, dataDir });
  const client = new ServiceBusClient(emulator.serviceBus, { retryOptions: { maxRetries: 0, timeoutInMs: 1_500 } });
  const kill = async () => {
    await emulator.kill();
    await client.close();
  };
  onTestFinished(kill);
  return { client, kill };
}

const bodies = (messages: readonly ServiceBusReceivedMessage[]) => messages.map(({ body }) => body as unknown);
const soon = { maxWaitTimeInMs: 500 };

describe("a killed Service Bus emulator", () => {
  // fidelity service-bus: durability: entities and messages over a restart and a kill, with `dataDir`
  it("has every message that a sender was told of, as it was", async () => {
    const dataDir = folder();
    const first = await start(dataDir);
    const sender = first.client.createSender("work");
    const at = new Date(Date.now() + 3_600_000);
    await sender.sendMessages({
      body: Buffer.from([0, 255]),
      messageId: "m-1",
      subject: "s",
      applicationProperties: { n: 1, text: "ä", yes: true },
      timeToLive: 3_600_000,
    });
    await sender.sendMessages(["completed", "deferred", "dead", "abandoned", "locked"].map((body) => ({ body })));
    const [number] = await sender.scheduleMessages({ body: "scheduled" }, at);
    const receiver = first.client.createReceiver("work");
    const received = await receiver.receiveMessages(6, soon);
    const named = (body: string) => received.find((one) => one.body === body)!;
    await receiver.completeMessage(named("completed"));
    await receiver.deferMessage(named("deferred"), { why: "later" });
    await receiver.deadLetterMessage(named("dead"), { deadLetterReason: "bad", deadLetterErrorDescription: "d" });
    await receiver.abandonMessage(named("abandoned"), { tried: 1 });
    await first.kill();

    const second = await start(dataDir);
    const again = second.client.createReceiver("work");
    const found = await again.receiveMessages(10, soon);
    expect(bodies(found)).toEqual([Buffer.from([0, 255]), "abandoned", "locked"]);
    expect(found[0]).toMatchObject({
      messageId: "m-1",
      subject: "s",
      applicationProperties: { n: 1, text: "ä", yes: true },
      timeToLive: 3_600_000,
      enqueuedTimeUtc: received[0]!.enqueuedTimeUtc,
      expiresAtUtc: received[0]!.expiresAtUtc,
    });
    expect(found[1]).toMatchObject({ deliveryCount: 1, applicationProperties: { tried: 1 } });
    // The lock ended with the process; that is no failed delivery.
    expect(found[2]).toMatchObject({ deliveryCount: 0 });
    expect(found.map(({ sequenceNumber }) => Number(sequenceNumber))).toEqual([1, 5, 6]);
    const [deferred] = await again.receiveDeferredMessages([named("deferred").sequenceNumber!]);
    expect(deferred).toMatchObject({ body: "deferred", applicationProperties: { why: "later" } });
    const [dead] = await second.client.createReceiver("work", { subQueueType: "deadLetter" }).receiveMessages(2, soon);
    expect(dead).toMatchObject({ body: "dead", deadLetterReason: "bad", deadLetterErrorDescription: "d" });
    const sender2 = second.client.createSender("work");
    const scheduled = (await again.peekMessages(10)).find(({ state }) => state === "scheduled");
    expect(scheduled).toMatchObject({ body: "scheduled", scheduledEnqueueTimeUtc: at });
    await sender2.cancelScheduledMessages(number!);
    // A number is not given twice, not even of what is gone.
    await sender2.sendMessages({ body: "new" });
    const [fresh] = await again.receiveMessages(1, soon);
    expect(Number(fresh!.sequenceNumber)).toBe(Number(number) + 1);
  });

  // fidelity service-bus: durability: entities and messages over a restart and a kill, with `dataDir`
  it("has session states, ids within the window, rules, and entities of the administration API", async () => {
    const dataDir = folder();
    const first = await start(dataDir);
    const ids = first.client.createSender("once");
    await ids.sendMessages({ body: 1, messageId: "same" });
    await first.client.createSender("sessions").sendMessages([
      { body: "a", sessionId: "s" },
      { body: "b", sessionId: "s" },
    ]);
    const session = await first.client.acceptSession("sessions", "s");
    await session.setSessionState({ step: 2 });
    await first.client.createRuleManager("orders", "large").createRule("red", { subject: "red" });
    await first.kill();

    const second = await start(dataDir);
    await second.client.createSender("once").sendMessages({ body: 2, messageId: "same" });
    expect(bodies(await second.client.createReceiver("once").receiveMessages(5, soon))).toEqual([1]);
    const again = await second.client.acceptNextSession("sessions");
    expect(again.sessionId).toBe("s");
    expect(await again.getSessionState()).toEqual({ step: 2 });
    expect(bodies(await again.receiveMessages(2, soon))).toEqual(["a", "b"]);
    const manager = second.client.createRuleManager("orders", "large");
    const rules: string[] = [];
    for await (const { name } of manager.listRules()) rules.push(name);
    // The file has rules: they are what holds after a start.
    expect(rules).toEqual(["big"]);
  });

  // fidelity service-bus: durability: entities and messages over a restart and a kill, with `dataDir`
  it("neither loses nor repeats while it is killed in the middle of work, again and again", async () => {
    const dataDir = folder();
    const sent = new Set<number>();
    const done = new Map<number, number>();
    let next = 0;
    for (let round = 0; round < 3; round += 1) {
      const { client, kill } = await start(dataDir);
      let isOver = false;
      const sender = client.createSender("work");
      const receiver = client.createReceiver("work");
      const sending = (async () => {
        while (!isOver) {
          const batch = Array.from({ length: 20 }, () => ({ body: next++ }));
          const ok = await sender.sendMessages(batch).then(
            () => true,
            () => false,
          );
          if (ok) for (const { body } of batch) sent.add(body);
        }
      })();
      const receiving = (async () => {
        while (!isOver) {
          const some = await receiver.receiveMessages(30, { maxWaitTimeInMs: 200 }).catch(() => []);
          for (const message of some)
            await receiver.completeMessage(message).then(
              () => done.set(message.body as number, (done.get(message.body as number) ?? 0) + 1),
              () => undefined,
            );
        }
      })();
      const goal = done.size + 200;
      await expect.poll(() => done.size, { timeout: 20_000, interval: 5 }).toBeGreaterThan(goal);
      isOver = true;
      await kill();
      await Promise.all([sending, receiving]);
    }
    const { client } = await start(dataDir);
    const receiver = client.createReceiver("work", { receiveMode: "receiveAndDelete" });
    const left = new Set<unknown>();
    for (let some = [null] as unknown[]; some.length > 0; ) {
      some = bodies(await receiver.receiveMessages(500, soon));
      for (const body of some) left.add(body);
    }
    const lost = [...sent].filter((body) => !done.has(body) && !left.has(body));
    expect(lost).toEqual([]);
    // Whoever heard that a message is completed never meets it again.
    expect([...done].filter(([, times]) => times > 1)).toEqual([]);
    expect([...done.keys()].filter((body) => left.has(body))).toEqual([]);
  });
});

it("lets one emulator at a time have a folder, and says so", async () => {
  const dataDir = folder();
  const first = await startServiceBusEmulator({ dataDir });
  await expect(startServiceBusEmulator({ dataDir })).rejects.toThrow(/cannot be used.*One emulator at a time/);
  await first.close();
  const second = await startServiceBusEmulator({ dataDir });
  await second.close();
});

it("keeps what was made by hand, and forgets what was deleted", async () => {
  const dataDir = folder();
  const first = await startServiceBusEmulator({ dataDir });
  first.control.createQueue("Mine", { lockDurationMs: 7_000 });
  first.control.createQueue("gone");
  first.control.createTopic("t");
  first.control.createSubscription("t", "s");
  first.control.createRule("t", "s", {
    name: "r",
    filter: { kind: "correlation", filter: { properties: new Map<string, unknown>([["n", 5n]]) } },
  });
  first.control.deleteEntity("gone");
  first.control.update("mine", { maxDeliveryCount: 2 });
  await first.close();
  const second = await startServiceBusEmulator({ dataDir });
  onTestFinished(() => second.close());
  expect(() => second.control.state("gone")).toThrow(/could not be found/);
  expect(second.control.state("mine").messages).toEqual([]);
  expect(second.control.state("t/Subscriptions/s").messages).toEqual([]);
  expect(() => second.control.createRule("t", "s", { name: "r", filter: { kind: "true" } })).toThrow(/exists/);
});

describe("Event Grid", () => {
  const options = {
    namespaces: [{ name: "dev", topics: [{ name: "orders", subscriptions: [{ name: "billing" }] }] }],
  };
  const call = async (
    emulator: { endpoint: string; key: string },
    operation: string,
    body: unknown,
    type = "application/json",
  ) => {
    const url = `${emulator.endpoint}/topics/orders${operation}`;
    const response = await fetch(`${url}${url.includes("?") ? "&" : "?"}api-version=2024-06-01`, {
      method: "POST",
      headers: { authorization: `SharedAccessKey ${emulator.key}`, "content-type": type },
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(200);
    return (await response.json()) as {
      value: { brokerProperties: { lockToken: string; deliveryCount: number }; event: { id: string } }[];
    };
  };
  const publish = (emulator: { endpoint: string; key: string }, ...ids: string[]) =>
    call(
      emulator,
      ":publish",
      ids.map((id) => ({ specversion: "1.0", id, source: "/s", type: "t", data: { id } })),
      "application/cloudevents-batch+json",
    );
  const receive = async (emulator: { endpoint: string; key: string }) =>
    (await call(emulator, "/eventsubscriptions/billing:receive?maxEvents=10&maxWaitTime=10", {})).value;

  // fidelity event-grid: durability: what waits over a restart and a kill, with `dataDir`
  it("has what waits to be received after a kill, with its count", async () => {
    const dataDir = folder();
    const config = { only: ["event-grid"] as const, dataDir, eventGrid: options };
    const first = await startEmulatorProcess(config);
    onTestFinished(() => first.kill());
    const one = { endpoint: first.eventGrid, key: first.eventGridKey };
    await publish(one, "a", "b", "c");
    const [a] = await receive(one);
    await call(one, "/eventsubscriptions/billing:acknowledge", { lockTokens: [a!.brokerProperties.lockToken] });
    await first.kill();
    const second = await startEmulatorProcess(config);
    onTestFinished(() => second.kill());
    const two = { endpoint: second.eventGrid, key: second.eventGridKey };
    const found = await receive(two);
    expect(found.map(({ event, brokerProperties }) => [event.id, brokerProperties.deliveryCount])).toEqual([
      ["b", 2],
      ["c", 2],
    ]);
  });

  // fidelity event-grid: durability: what waits over a restart and a kill, with `dataDir`
  it("pushes what was not delivered, and writes dead letters that were not written", async () => {
    const dataDir = folder();
    let isUp = false;
    const arrived: unknown[] = [];
    const written: string[] = [];
    const make = () =>
      startEventGridEmulator({
        dataDir,
        topics: [
          {
            name: "orders",
            subscriptions: [
              {
                name: "push",
                destination: {
                  endpointType: "ServiceBusQueue",
                  send: async ({ body, properties }) => {
                    const { id } = JSON.parse(body) as { id: string };
                    if (!isUp) throw Object.assign(new Error("down"), { statusCode: id === "bad" ? 400 : 503 });
                    arrived.push([id, properties["aeg-delivery-count"]]);
                  },
                },
                deadLetter: async (_path, json) => void written.push(json),
              },
            ],
          },
        ],
      });
    const first = await make();
    const response = await fetch(first.topicEndpoint("orders"), {
      method: "POST",
      headers: { "aeg-sas-key": first.key, "content-type": "application/cloudevents-batch+json" },
      body: JSON.stringify(["good", "bad"].map((id) => ({ specversion: "1.0", id, source: "/s", type: "t" }))),
    });
    expect(response.status).toBe(200);
    await expect.poll(() => first.control.state("orders", "push").deadLetters.waiting).toBe(1);
    await expect.poll(() => first.control.state("orders", "push").events[0]).toMatchObject({ id: "good", attempts: 1 });
    await first.close();
    isUp = true;
    const second = await make();
    onTestFinished(() => second.close());
    expect(second.control.state("orders", "push")).toMatchObject({
      events: [{ id: "good", attempts: 1 }],
      deadLetters: { waiting: 1 },
    });
    second.control.advanceClock(10 * 60_000);
    await expect.poll(() => arrived).toEqual([["good", "1"]]);
    await expect.poll(() => written.length).toBe(1);
    expect(JSON.parse(written[0]!)).toMatchObject([{ id: "bad", deadletterreason: "UndeliverableDueToClientError" }]);
    await second.close();
    const third = await make();
    onTestFinished(() => third.close());
    expect(third.control.state("orders", "push")).toMatchObject({ events: [], deadLetters: { waiting: 0 } });
  });
});

// fidelity event-hubs: durability: hubs and events over a restart and a kill, with `dataDir`
it("has the hubs that were made by hand, too", async () => {
  const dataDir = folder();
  const first = await startEventHubsEmulator({ dataDir });
  first.control.createHub("Made", { partitionCount: 2, consumerGroups: ["g"] });
  first.control.send("made", { body: "x" });
  await first.close();
  const second = await startEventHubsEmulator({ dataDir, hubs: { other: {} } });
  onTestFinished(() => second.close());
  expect(
    second.control
      .state("made")
      .map(({ eventCount }) => eventCount)
      .sort(),
  ).toEqual([0, 1]);
});

// fidelity event-hubs: durability: hubs and events over a restart and a kill, with `dataDir`
it("Event Hubs has its events after a kill", async () => {
  const config = {
    only: ["event-hubs"] as const,
    dataDir: folder(),
    eventHubs: { hubs: { orders: { partitionCount: 1 } } },
  };
  const first = await startEmulatorProcess(config);
  onTestFinished(() => first.kill());
  const producer = new EventHubProducerClient(first.eventHubs, "orders", { retryOptions: { maxRetries: 0 } });
  for (let at = 0; at < 3; at += 1) await producer.sendBatch([{ body: at }]);
  await first.kill();
  await producer.close();
  const second = await startEmulatorProcess(config);
  onTestFinished(() => second.kill());
  const consumer = new EventHubConsumerClient("$Default", second.eventHubs, "orders");
  onTestFinished(() => consumer.close());
  const found: unknown[] = [];
  consumer.subscribe(
    "0",
    {
      processEvents: async (events) => void found.push(...events.map(({ body }) => body)),
      processError: async () => undefined,
    },
    { startPosition: { offset: "-1" }, maxWaitTimeInSeconds: 1 },
  );
  await expect.poll(() => found, { timeout: 10_000 }).toEqual([0, 1, 2]);
});
