import { expect, it } from "vitest";
import { bodies, one, open, type ServiceBusConfig, take } from "./emulator-service-bus.fixture.ts";

const CONFIG: ServiceBusConfig = {
  UserConfig: {
    Namespaces: [
      {
        Name: "sbemulatorns",
        Queues: [
          {
            Name: "queue.1",
            Properties: {
              DeadLetteringOnMessageExpiration: false,
              DefaultMessageTimeToLive: "PT1H",
              DuplicateDetectionHistoryTimeWindow: "PT20S",
              ForwardDeadLetteredMessagesTo: "",
              ForwardTo: "",
              LockDuration: "PT1M",
              MaxDeliveryCount: 3,
              RequiresDuplicateDetection: false,
              RequiresSession: false,
            },
          },
        ],
        Topics: [
          {
            Name: "topic.1",
            Properties: { DefaultMessageTimeToLive: "PT1H", RequiresDuplicateDetection: false },
            Subscriptions: [
              {
                Name: "correlated",
                Properties: { LockDuration: "PT1M", MaxDeliveryCount: 3, RequiresSession: false },
                Rules: [
                  {
                    Name: "app-prop-filter-1",
                    Properties: {
                      FilterType: "Correlation",
                      CorrelationFilter: { ContentType: "application/text", Properties: { color: "red" } },
                    },
                  },
                ],
              },
              {
                Name: "sql",
                Rules: [
                  {
                    Name: "r",
                    Properties: {
                      FilterType: "Sql",
                      SqlFilter: { SqlExpression: "sys.Label = 'x' AND price >= 10" },
                      Action: { SqlExpression: "SET price = price * 2" },
                    },
                  },
                ],
              },
              { Name: "all" },
            ],
          },
        ],
      },
    ],
    Logging: { Type: "File" },
  },
};

// fidelity service-bus: topics and subscriptions with SQL and correlation filters
// fidelity service-bus: the official emulator's `Config.json`
it("reads the official emulator's config, and routes by its rules", async () => {
  const { client } = await open({ config: CONFIG });
  const sender = client.createSender("topic.1");
  await sender.sendMessages([
    { body: "c", contentType: "application/text", applicationProperties: { color: "red" } },
    { body: "s", subject: "x", applicationProperties: { price: 10 } },
    { body: "neither", subject: "x", applicationProperties: { price: 9 } },
  ]);
  expect(bodies(await take(client.createReceiver("topic.1", "correlated"), 1))).toEqual(["c"]);
  const changed = await one(client.createReceiver("topic.1", "sql"));
  expect(changed).toMatchObject({ body: "s", subject: "x", applicationProperties: { price: 20 } });
  const all = await take(client.createReceiver("topic.1", "all"), 3);
  expect(bodies(all)).toEqual(["c", "s", "neither"]);
  expect(all[1]!.applicationProperties).toEqual({ price: 10 });
  expect(all[0]!.timeToLive).toBe(3_600_000);
});

it.each([
  [{}, /UserConfig\.Namespaces/],
  [
    { UserConfig: { Namespaces: [{ Queues: [{ Name: "q", Properties: { LockDurations: "PT1M" } }] }] } },
    /LockDurations/,
  ],
  [{ UserConfig: { Namespaces: [{ Queues: [{ Name: "q", Properties: { LockDuration: "1m" } }] }] } }, /duration/],
  [{ UserConfig: { Namespaces: [{ Queues: [{ Name: "/q" }] }] } }, /no name/],
])("refuses a wrong config", async (config, text) => {
  await expect(open({ config: config as ServiceBusConfig })).rejects.toThrow(text);
});

// fidelity service-bus: rule actions
it("makes one copy for the plain rules, and one for each rule with an action", async () => {
  const { client, control } = await open();
  control.createTopic("t");
  control.createSubscription("t", "s", {}, [
    { name: "a", filter: { kind: "true" } },
    { name: "b", filter: { kind: "sql", expression: "1=1" } },
    { name: "c", filter: { kind: "sql", expression: "n = 1" }, action: "SET copy = 'c'" },
    { name: "d", filter: { kind: "false" }, action: "SET copy = 'd'" },
  ]);
  await client.createSender("t").sendMessages({ body: 1, applicationProperties: { n: 1 } });
  const copies = await take(client.createReceiver("t", "s"), 2);
  expect(copies.map(({ applicationProperties }) => applicationProperties)).toEqual([{ n: 1 }, { n: 1, copy: "c" }]);
  expect(control.state("t/Subscriptions/s").messages).toHaveLength(2);
});

// fidelity service-bus: rule manager
it("manages rules through the data plane", async () => {
  const { client, control } = await open();
  control.createTopic("t");
  control.createSubscription("t", "s");
  const rules = client.createRuleManager("t", "s");
  const list = async () => {
    const found = [];
    for await (const rule of rules.listRules()) found.push(rule);
    return found;
  };
  expect((await list()).map(({ name, filter }) => [name, filter])).toEqual([["$Default", { sqlExpression: "1=1" }]]);
  await rules.deleteRule("$Default");
  await rules.createRule("sql", { sqlExpression: "color = 'red'" }, { sqlExpression: "SET seen = 1" });
  const made = new Date(1_700_000_000_000);
  await rules.createRule("corr", { subject: "x", applicationProperties: { n: 1, made } });
  await expect(rules.createRule("sql", { sqlExpression: "1=1" })).rejects.toMatchObject({
    code: "MessagingEntityAlreadyExists",
  });
  await expect(rules.deleteRule("nope")).rejects.toMatchObject({ code: "MessagingEntityNotFound" });
  await expect(rules.createRule("bad", { sqlExpression: "color = " })).rejects.toThrow(/not well formed/);
  // By name, not by age.
  const [corr, sql] = await list();
  expect(sql).toMatchObject({
    name: "sql",
    filter: { sqlExpression: "color = 'red'" },
    action: { sqlExpression: "SET seen = 1" },
  });
  expect(corr).toMatchObject({ name: "corr", filter: { subject: "x", applicationProperties: { n: 1, made } } });
  const sender = client.createSender("t");
  await sender.sendMessages([
    { body: "none" },
    { body: "red", applicationProperties: { color: "red" } },
    { body: "x", subject: "x", applicationProperties: { n: 1, made } },
  ]);
  const receiver = client.createReceiver("t", "s");
  expect(bodies(await take(receiver, 2))).toEqual(["red", "x"]);
});

// fidelity service-bus: dead letters of filters that have no value, and of missing session ids
it("dead-letters what a filter has no value for", async () => {
  const { client, control } = await open();
  control.createTopic("t");
  control.createSubscription("t", "s", {}, [{ name: "r", filter: { kind: "sql", expression: "n / 0 = 1" } }]);
  control.createSubscription("t", "silent", { deadLetteringOnFilterEvaluationExceptions: false }, [
    { name: "r", filter: { kind: "sql", expression: "n / 0 = 1" } },
  ]);
  await client.createSender("t").sendMessages([{ body: 1, applicationProperties: { n: 1 } }, { body: 2 }]);
  expect(control.state("t/Subscriptions/s/$DeadLetterQueue").messages).toHaveLength(1);
  expect(control.state("t/Subscriptions/silent/$DeadLetterQueue").messages).toHaveLength(0);
});

// fidelity service-bus: dead letters of filters that have no value, and of missing session ids
it("dead-letters a message without a session id in a subscription that requires it", async () => {
  const { client, control } = await open();
  control.createTopic("t");
  control.createSubscription("t", "s", { requiresSession: true });
  await client.createSender("t").sendMessages([{ body: 1 }, { body: 2, sessionId: "a" }]);
  const dead = await one(client.createReceiver("t", "s", { subQueueType: "deadLetter" }));
  expect(dead).toMatchObject({ body: 1, deadLetterReason: "Session id is null" });
  expect(await one(await client.acceptNextSession("t", "s"))).toMatchObject({ body: 2, sessionId: "a" });
});

// fidelity service-bus: forwarding, of dead letters too
it("forwards messages and dead letters", async () => {
  const { client, control } = await open();
  control.createQueue("end");
  control.createQueue("dead");
  control.createTopic("t");
  control.createSubscription("t", "s", { forwardTo: "end" });
  control.createQueue("work", { forwardDeadLetteredMessagesTo: "dead" });
  await client.createSender("t").sendMessages({ body: "via topic", messageId: "m" });
  expect(await one(client.createReceiver("end"))).toMatchObject({ body: "via topic", messageId: "m" });
  await expect(client.createReceiver("t", "s").receiveMessages(1, { maxWaitTimeInMs: 500 })).rejects.toThrow(
    /forwards/,
  );
  await client.createSender("work").sendMessages({ body: "poison" });
  const receiver = client.createReceiver("work");
  await receiver.deadLetterMessage(await one(receiver), { deadLetterReason: "r", deadLetterErrorDescription: "d" });
  expect(await one(client.createReceiver("dead"))).toMatchObject({
    body: "poison",
    deadLetterReason: "r",
    deadLetterSource: "work",
  });
});

// fidelity service-bus: transfer dead-letter queue
it("keeps what cannot be forwarded, with the reason", async () => {
  const { client, control } = await open();
  control.createQueue("nowhere", { forwardTo: "missing" });
  for (let at = 0; at < 6; at += 1) control.createQueue(`hop-${at}`, { forwardTo: `hop-${at + 1}` });
  control.createQueue("hop-6");
  await client.createSender("nowhere").sendMessages({ body: 1 });
  await client.createSender("hop-0").sendMessages({ body: 2 });
  const lost = await one(client.createReceiver("nowhere", { subQueueType: "transferDeadLetter" }));
  expect(lost.deadLetterReason).toBe("amqp:not-found");
  const hopped = await one(client.createReceiver("hop-4", { subQueueType: "transferDeadLetter" }));
  expect(hopped).toMatchObject({ body: 2, deadLetterReason: "MaxTransferHopCountExceeded" });
});

// fidelity service-bus: schedule and cancel
it("schedules at a topic, and cancels there", async () => {
  const { client, control } = await open();
  control.createTopic("t");
  control.createSubscription("t", "s");
  const sender = client.createSender("t");
  const [kept, gone] = await sender.scheduleMessages(
    [{ body: "kept" }, { body: "gone" }],
    new Date(Date.now() + 60_000),
  );
  await sender.cancelScheduledMessages(gone!);
  expect(control.state("t/Subscriptions/s").messages).toEqual([]);
  control.advanceClock(60_001);
  const message = await one(client.createReceiver("t", "s"));
  expect(message.body).toBe("kept");
  expect(kept!.toNumber()).toBe(1);
});
