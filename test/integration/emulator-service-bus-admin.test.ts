import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:tls";
import { ServiceBusAdministrationClient, ServiceBusClient } from "@azure/service-bus";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  administer,
  one,
  open,
  type ServiceBusEmulator,
  startServiceBusEmulator,
} from "./emulator-service-bus.fixture.ts";

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe("queues", () => {
  // fidelity service-bus: administration: queues
  it("are created with defaults, read, changed, listed and deleted", async () => {
    const emulator = await open();
    const admin = administer(emulator);
    const created = await admin.createQueue("orders/new");
    expect(created.authorizationRules).toBeUndefined();
    expect(created).toMatchObject({
      name: "orders/new",
      lockDuration: "PT1M",
      maxDeliveryCount: 10,
      maxSizeInMegabytes: 1024,
      requiresSession: false,
      requiresDuplicateDetection: false,
      deadLetteringOnMessageExpiration: false,
      enableBatchedOperations: true,
      defaultMessageTimeToLive: "P10675199DT2H48M5.4775807S",
      autoDeleteOnIdle: "P10675199DT2H48M5.4775807S",
      duplicateDetectionHistoryTimeWindow: "PT10M",
      status: "Active",
      availabilityStatus: "Available",
    });
    expect(await admin.queueExists("orders/new")).toBe(true);
    expect(await admin.queueExists("other")).toBe(false);
    await expect(admin.createQueue("orders/new")).rejects.toMatchObject({
      code: "MessageEntityAlreadyExistsError",
      statusCode: 409,
    });

    const queue = await admin.getQueue("orders/new");
    queue.lockDuration = "PT30S";
    queue.maxDeliveryCount = 3;
    queue.userMetadata = '<ä & "b">';
    await admin.updateQueue(queue);
    expect(await admin.getQueue("orders/new")).toMatchObject({
      lockDuration: "PT30S",
      maxDeliveryCount: 3,
      userMetadata: '<ä & "b">',
    });
    await admin.createQueue("zzz", {
      requiresSession: true,
      defaultMessageTimeToLive: "P1DT2H",
      forwardDeadLetteredMessagesTo: "orders/new",
    });
    const list = await all(admin.listQueues());
    expect(list.map(({ name }) => name)).toEqual(["orders/new", "zzz"]);
    expect(list[1]).toMatchObject({ requiresSession: true, defaultMessageTimeToLive: "P1DT2H" });
    expect(list[1]!.forwardDeadLetteredMessagesTo).toMatch(/\/orders\/new$/);
    await admin.deleteQueue("orders/new");
    expect(await admin.queueExists("orders/new")).toBe(false);
    await expect(admin.deleteQueue("orders/new")).rejects.toMatchObject({ statusCode: 404 });
    await expect(admin.getQueue("orders/new")).rejects.toMatchObject({ code: "MessageEntityNotFoundError" });
  });

  // fidelity service-bus: administration: runtime counts
  it("serve the data plane at once, and show what they hold", async () => {
    const emulator = await open();
    const { client, control } = emulator;
    const admin = administer(emulator);
    await admin.createQueue("q", { lockDuration: "PT5S" });
    const sender = client.createSender("q");
    await sender.sendMessages([{ body: 1 }, { body: 2 }, { body: 3 }]);
    await sender.scheduleMessages({ body: 4 }, new Date(Date.now() + 60_000));
    const receiver = client.createReceiver("q");
    const message = await one(receiver);
    expect(message.lockedUntilUtc!.getTime() - Date.now()).toBeLessThan(5_001);
    await receiver.deadLetterMessage(message);
    expect(await admin.getQueueRuntimeProperties("q")).toMatchObject({
      activeMessageCount: 2,
      deadLetterMessageCount: 1,
      scheduledMessageCount: 1,
      transferDeadLetterMessageCount: 0,
      totalMessageCount: 4,
    });
    expect((await admin.getQueueRuntimeProperties("q")).sizeInBytes).toBeGreaterThan(0);
    expect((await all(admin.listQueuesRuntimeProperties())).map(({ name }) => name)).toEqual(["q"]);
    await admin.deleteQueue("q");
    await expect(client.createSender("q").sendMessages({ body: 5 })).rejects.toMatchObject({
      code: "MessagingEntityNotFound",
    });
    expect(() => control.state("q")).toThrow(/could not be found/);
  });

  // fidelity service-bus: administration: queues
  it("refuse values that the service refuses", async () => {
    const admin = administer(await open());
    await expect(admin.createQueue("q", { lockDuration: "PT6M" })).rejects.toMatchObject({
      statusCode: 400,
      message: expect.stringContaining("LockDuration"),
    });
    await expect(admin.createQueue("q", { lockDuration: "soon" })).rejects.toMatchObject({ statusCode: 400 });
    await expect(admin.createQueue("q", { autoDeleteOnIdle: "PT1M" })).rejects.toMatchObject({ statusCode: 400 });
    await expect(admin.createQueue("q", { forwardTo: "missing" })).rejects.toMatchObject({ statusCode: 400 });
    await expect(admin.createQueue("-q")).rejects.toMatchObject({ statusCode: 400 });
    const queue = await admin.createQueue("ok");
    await expect(admin.updateQueue({ ...queue, requiresSession: true })).rejects.toMatchObject({ statusCode: 400 });
  });

  // fidelity service-bus: administration: paging
  it("are listed page by page", async () => {
    const emulator = await open();
    for (let at = 0; at < 230; at += 1) emulator.control.createQueue(`q-${String(at).padStart(3, "0")}`);
    const admin = administer(emulator);
    const names = (await all(admin.listQueues())).map(({ name }) => name);
    expect(names).toHaveLength(230);
    expect(new Set(names).size).toBe(230);
    const pages = await all(admin.listQueues().byPage({ maxPageSize: 50 }));
    expect(pages.map((page) => page.length)).toEqual([50, 50, 50, 50, 30]);
  });

  // fidelity service-bus: `autoDeleteOnIdle`
  it("disappear when they are idle for the time set", async () => {
    const emulator = await open();
    const admin = administer(emulator);
    await admin.createQueue("q", { autoDeleteOnIdle: "PT5M" });
    emulator.control.advanceClock(200_000);
    await emulator.client.createSender("q").sendMessages({ body: 1 });
    emulator.control.advanceClock(200_000);
    expect(await admin.queueExists("q")).toBe(true);
    emulator.control.advanceClock(100_001);
    expect(await admin.queueExists("q")).toBe(false);
  });
});

/** A request of a client that writes XML in its own way. */
const put = (emulator: ServiceBusEmulator, path: string, description: string) =>
  fetch(`${emulator.administrationUrl}/${path}`, {
    method: "PUT",
    headers: { authorization: "SharedAccessSignature x" },
    body: `<entry xmlns="http://www.w3.org/2005/Atom"><content type="application/xml">${description}</content></entry>`,
  });

describe("entities", () => {
  // fidelity service-bus: administration: queues
  it("keep their authorization rules", async () => {
    const admin = administer(await open());
    const rule = {
      claimType: "SharedAccessKey",
      accessRights: ["Send", "Listen"] as ("Send" | "Listen")[],
      keyName: "reader",
      primaryKey: "cHJpbWFyeQ==",
      secondaryKey: "c2Vjb25kYXJ5",
    };
    await admin.createQueue("q", { authorizationRules: [rule] });
    const queue = await admin.getQueue("q");
    expect(queue.authorizationRules).toMatchObject([rule]);
    await admin.updateQueue({ ...queue, authorizationRules: [{ ...rule, keyName: "other" }] });
    expect((await admin.getQueue("q")).authorizationRules).toMatchObject([{ keyName: "other" }]);
    await admin.createTopic("t", { authorizationRules: [rule] });
    expect((await admin.getTopic("t")).authorizationRules).toMatchObject([rule]);
  });

  // fidelity service-bus: administration: queues
  it("tell the size of all their partitions, who forwards where, and that nobody came yet", async () => {
    const emulator = await open();
    const admin = administer(emulator);
    expect(await admin.createQueue("q", { enablePartitioning: true, maxSizeInMegabytes: 2048 })).toMatchObject({
      maxSizeInMegabytes: 32_768,
    });
    const partitioned = await admin.getQueue("q");
    expect(await admin.updateQueue({ ...partitioned, forwardTo: "q" })).toMatchObject({
      maxSizeInMegabytes: 32_768,
      forwardTo: `sb://127.0.0.1:${emulator.port}/q`,
    });
    expect((await admin.getQueueRuntimeProperties("q")).accessedAt.getUTCFullYear()).toBe(1);
    await admin.createQueue("used");
    await emulator.client.createSender("used").sendMessages({ body: 1 });
    expect((await admin.getQueueRuntimeProperties("used")).accessedAt.getTime()).toBeGreaterThan(Date.now() - 60_000);
    await admin.createTopic("t");
    expect((await admin.getTopicRuntimeProperties("t")).accessedAt!.getUTCFullYear()).toBe(1);
    await admin.createSubscription("t", "s");
    expect((await admin.getTopicRuntimeProperties("t")).accessedAt!.getUTCFullYear()).toBeGreaterThan(1);
  });

  // fidelity service-bus: administration: queues
  it("refuse what only a Premium namespace has, and what is fixed", async () => {
    const admin = administer(await open());
    await expect(admin.createQueue("q", { maxMessageSizeInKilobytes: 1_024 })).rejects.toMatchObject({
      statusCode: 400,
    });
    const queue = await admin.createQueue("q", { maxMessageSizeInKilobytes: 256 });
    await expect(admin.updateQueue({ ...queue, requiresSession: true })).rejects.toThrow(
      /RequiresSession property of an existing Queue cannot be changed/,
    );
  });

  // fidelity service-bus: administration: topics, subscriptions, rules
  it("read characters that are written as numbers", async () => {
    const emulator = await open();
    emulator.control.createTopic("t");
    emulator.control.createSubscription("t", "s", {}, []);
    const filter = `<Filter i:type="SqlFilter" xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><SqlExpression>color = &#39;r&#x65;d&#39;</SqlExpression></Filter>`;
    expect(
      (await put(emulator, "t/Subscriptions/s/Rules/r", `<RuleDescription>${filter}</RuleDescription>`)).status,
    ).toBe(201);
    expect(await administer(emulator).getRule("t", "s", "r")).toMatchObject({
      filter: { sqlExpression: "color = 'red'" },
    });
    expect(
      (await put(emulator, "q", "<QueueDescription><UserMetadata>&nbsp;</UserMetadata></QueueDescription>")).status,
    ).toBe(201);
    expect(await administer(emulator).getQueue("q")).toMatchObject({ userMetadata: "&nbsp;" });
  });

  // fidelity service-bus: administration: topics, subscriptions, rules
  it("count the filters of a topic, by kind", async () => {
    const emulator = await open();
    emulator.control.createTopic("t");
    emulator.control.createSubscription("t", "plain");
    emulator.control.createSubscription("t", "two", {}, [
      { name: "sql", filter: { kind: "sql", expression: "1=1" } },
      { name: "correlation", filter: { kind: "correlation", filter: { subject: "x" } } },
    ]);
    const headers = { authorization: "SharedAccessSignature x" };
    const text = await (await fetch(`${emulator.administrationUrl}/t`, { headers })).text();
    expect(text).toContain("<SqlFilterCount>2</SqlFilterCount><CorrelationFilterCount>1</CorrelationFilterCount>");
  });

  // fidelity service-bus: SQL filters and actions with `@parameters`
  it("take parameters of expressions, and tell them", async () => {
    const emulator = await open();
    const admin = administer(emulator);
    await admin.createTopic("t");
    await admin.createSubscription("t", "s");
    await admin.deleteRule("t", "s", "$Default");
    const filter = {
      sqlExpression: "color = @color AND price > @least",
      sqlParameters: { "@color": "red", "@least": 3 },
    };
    const action = { sqlExpression: "SET seen = @seen", sqlParameters: { "@seen": true } };
    await admin.createRule("t", "s", "r", filter, action);
    expect(await admin.getRule("t", "s", "r")).toMatchObject({ filter, action });
    await expect(admin.createRule("t", "s", "bad", { sqlExpression: "color = @color" })).rejects.toThrow(/@color/);
    await emulator.client.createSender("t").sendMessages([
      { body: 1, applicationProperties: { color: "red", price: 3 } },
      { body: 2, applicationProperties: { color: "red", price: 4 } },
    ]);
    expect(await one(emulator.client.createReceiver("t", "s"))).toMatchObject({
      body: 2,
      applicationProperties: { seen: true },
    });
  });
});

describe("topics, subscriptions and rules", () => {
  // fidelity service-bus: administration: topics, subscriptions, rules
  it("are created, read, changed, listed and deleted", async () => {
    const emulator = await open();
    const admin = administer(emulator);
    expect(await admin.createTopic("t", { defaultMessageTimeToLive: "PT1H" })).toMatchObject({
      name: "t",
      supportOrdering: true,
      defaultMessageTimeToLive: "PT1H",
    });
    const subscription = await admin.createSubscription("t", "s", {
      maxDeliveryCount: 2,
      defaultRuleOptions: {
        name: "first",
        filter: { subject: "x", applicationProperties: { n: 1, b: true, s: "<t>" } },
      },
    });
    expect(subscription).toMatchObject({ topicName: "t", subscriptionName: "s", maxDeliveryCount: 2 });
    await admin.createSubscription("t", "plain");
    expect(await all(admin.listRules("t", "plain"))).toMatchObject([
      { name: "$Default", filter: { sqlExpression: "1=1" } },
    ]);
    expect(await admin.getRule("t", "s", "first")).toMatchObject({
      name: "first",
      filter: { subject: "x", applicationProperties: { n: 1, b: true, s: "<t>" } },
    });
    await admin.createRule(
      "t",
      "s",
      "second",
      { sqlExpression: "price < 10 AND color = 'red'" },
      { sqlExpression: "SET seen = 1" },
    );
    const rule = await admin.getRule("t", "s", "second");
    expect(rule).toMatchObject({
      filter: { sqlExpression: "price < 10 AND color = 'red'" },
      action: { sqlExpression: "SET seen = 1" },
    });
    await admin.updateRule("t", "s", { ...rule, filter: { sqlExpression: "price < 20" } });
    await emulator.client.createSender("t").sendMessages({ body: 1, applicationProperties: { price: 15 } });
    expect(await one(emulator.client.createReceiver("t", "s"))).toMatchObject({
      applicationProperties: { price: 15, seen: 1 },
    });
    await expect(admin.createRule("t", "s", "bad", { sqlExpression: "a = = b" })).rejects.toMatchObject({
      statusCode: 400,
    });
    await expect(admin.createRule("t", "s", "second", { sqlExpression: "1=1" })).rejects.toMatchObject({
      statusCode: 409,
    });
    await admin.deleteRule("t", "s", "first");
    expect(await admin.ruleExists("t", "s", "first")).toBe(false);
    expect((await all(admin.listSubscriptions("t"))).map(({ subscriptionName }) => subscriptionName)).toEqual([
      "plain",
      "s",
    ]);
    expect(await admin.getSubscriptionRuntimeProperties("t", "s")).toMatchObject({
      activeMessageCount: 1,
      totalMessageCount: 1,
    });
    expect(await admin.getTopicRuntimeProperties("t")).toMatchObject({ subscriptionCount: 2 });
    const changed = await admin.getSubscription("t", "s");
    await admin.updateSubscription({ ...changed, status: "Disabled" });
    await expect(
      emulator.client.createReceiver("t", "s").receiveMessages(1, { maxWaitTimeInMs: 500 }),
    ).rejects.toMatchObject({ code: "MessagingEntityDisabled" });
    const topic = await admin.getTopic("t");
    await admin.updateTopic({ ...topic, maxSizeInMegabytes: 2048 });
    expect((await all(admin.listTopics())).map(({ maxSizeInMegabytes }) => maxSizeInMegabytes)).toEqual([2048]);
    await admin.deleteSubscription("t", "s");
    expect(await admin.subscriptionExists("t", "s")).toBe(false);
    await admin.deleteTopic("t");
    expect(await admin.topicExists("t")).toBe(false);
    expect(await admin.getNamespaceProperties()).toMatchObject({ messagingSku: "Standard" });
  });
});

// fidelity service-bus: TLS for AMQP and the administration client
it("serves HTTPS and AMQP over TLS on the same port, with its own certificate", async () => {
  const emulator = await startServiceBusEmulator({ tls: true });
  onTestFinished(() => emulator.close());
  const tlsOptions = { ca: emulator.certificate! };
  const admin = new ServiceBusAdministrationClient(emulator.connectionString, { tlsOptions } as object);
  await admin.createQueue("q");
  expect(await admin.queueExists("q")).toBe(true);
  const plain = new ServiceBusClient(emulator.connectionString);
  await plain.createSender("q").sendMessages({ body: 1 });
  await plain.close();
  const socket = connect({ host: "127.0.0.1", port: emulator.port, ca: emulator.certificate });
  const header = Buffer.from([0x41, 0x4d, 0x51, 0x50, 3, 1, 0, 0]);
  socket.write(header);
  const [answer] = (await once(socket, "data")) as [Buffer];
  expect(answer.subarray(0, 8)).toEqual(header);
  socket.destroy();
  const stranger = new ServiceBusAdministrationClient(emulator.connectionString, { retryOptions: { maxRetries: 0 } });
  await expect(stranger.getNamespaceProperties()).rejects.toThrow(/self-signed/);
});

const BOMB =
  "<!DOCTYPE x [<!ENTITY a 'PT30S'>]><entry><content><QueueDescription><LockDuration>&a;</LockDuration></QueueDescription></content></entry>";

describe("hostile requests", () => {
  it.each([
    ["PUT", "/q", BOMB, 400],
    ["PUT", "/q", "<entry><content>", 400],
    ["PUT", "/q", "not xml", 400],
    ["PUT", "/q", "<a>".repeat(50_000), 400],
    ["PUT", "/q", "x".repeat(300_000), 413],
    ["PUT", "/q", "", 400],
    ["GET", "/%", undefined, 400],
    ["GET", "/a%00b", undefined, 400],
    ["PATCH", "/q", undefined, 400],
    ["DELETE", "/constructor", undefined, 404],
    ["GET", "/t/Subscriptions/__proto__/Rules", undefined, 404],
  ])("%s %s is refused", async (method, path, body, status) => {
    const emulator = await open();
    const headers = { authorization: "SharedAccessSignature x" };
    const response = await fetch(emulator.administrationUrl + path, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
    }).catch((error: Error) => error);
    // A body that is over the limit may be cut off before the answer is read.
    if (response instanceof Error) expect(status).toBe(413);
    else {
      expect(response.status).toBe(status);
      expect(await response.text()).toMatch(/<Error><Code>\d+<\/Code><Detail>SubCode=/);
    }
    expect((await fetch(`${emulator.administrationUrl}/health`)).status).toBe(200);
  });

  it("climbs no path", async () => {
    const emulator = await open();
    const status = await new Promise((resolve, reject) => {
      const headers = { authorization: "SharedAccessSignature x" };
      const path = "/../%2e%2e/etc/passwd";
      request({ host: "127.0.0.1", port: emulator.port, path, headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on("error", reject)
        .end();
    });
    expect(status).toBe(400);
  });

  it("needs an authorization header", async () => {
    const emulator = await open();
    expect((await fetch(`${emulator.administrationUrl}/q`)).status).toBe(401);
  });
});
