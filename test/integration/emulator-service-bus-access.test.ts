import type { AuthorizationRule } from "@azure/service-bus";
import { describe, expect, it, onTestFinished } from "vitest";
import { administer, connect, one, open, type ServiceBusEmulatorOptions } from "./emulator-service-bus.fixture.ts";

const KEYS = { primaryKey: "cHJpbWFyeQ==", secondaryKey: "c2Vjb25kYXJ5" };
const rule = (keyName: string, ...accessRights: ("Manage" | "Send" | "Listen")[]): AuthorizationRule => ({
  claimType: "SharedAccessKey",
  keyName,
  accessRights,
  ...KEYS,
});
const RULES = [rule("sender", "Send"), rule("listener", "Listen"), rule("owner", "Manage", "Send", "Listen")];

/** The queues `q` with three rules and `other` with none, the topic `t` with a rule for receivers and the subscription `t/s`. */
async function withRules(options: ServiceBusEmulatorOptions = {}) {
  const emulator = await open(options);
  const admin = administer(emulator);
  await admin.createQueue("q", { authorizationRules: RULES });
  await admin.createQueue("other");
  await admin.createTopic("t", { authorizationRules: [rule("reader", "Listen")] });
  await admin.createSubscription("t", "s");
  const connectionString = (keyName: string, key = KEYS.primaryKey) =>
    emulator.connectionString.replace("RootManageSharedAccessKey", keyName).replace("SAS_KEY_VALUE", key);
  const using = (keyName: string, key?: string) => {
    const client = connect({ connectionString: connectionString(keyName, key) });
    onTestFinished(() => client.close());
    return {
      send: (queue = "q") => client.createSender(queue).sendMessages({ body: 1 }),
      receive: (...path: [string, string?]) => {
        const [queue, subscription] = path;
        const receiver =
          subscription === undefined ? client.createReceiver(queue) : client.createReceiver(queue, subscription);
        return receiver.receiveMessages(1, { maxWaitTimeInMs: 1_000 });
      },
      client,
      admin: administer({ connectionString: connectionString(keyName, key) }),
    };
  };
  return { emulator, admin, using };
}

const UNAUTHORIZED = { code: "UnauthorizedAccess" };

describe("an authorization rule", () => {
  // fidelity service-bus: authorization rules: what the key of a queue or a topic opens
  it("lets its key do what its rights say", async () => {
    const { using } = await withRules();
    await using("sender").send();
    const [received] = await using("listener").receive("q");
    expect(received).toMatchObject({ body: 1 });
    await using("owner").send();
    await expect(using("listener").send()).rejects.toMatchObject({
      ...UNAUTHORIZED,
      message: expect.stringMatching(/'Send' claim\(s\) are required.*\/q/),
    });
    await expect(using("sender").receive("q")).rejects.toMatchObject({
      ...UNAUTHORIZED,
      message: expect.stringMatching(/'Listen' claim\(s\) are required/),
    });
  });

  // fidelity service-bus: authorization rules: what the key of a queue or a topic opens
  it("keeps those who only send from what a receiver does through $management", async () => {
    const { using } = await withRules();
    const { client } = using("sender");
    const time = new Date(Date.now() + 60_000);
    await expect(client.createSender("q").scheduleMessages({ body: 1 }, time)).rejects.toMatchObject(UNAUTHORIZED);
    await using("sender").send();
    const { client: listening } = using("listener");
    expect(await listening.createReceiver("q").peekMessages(1)).toHaveLength(1);
  });

  // fidelity service-bus: authorization rules: what the key of a queue or a topic opens
  it("of a topic opens its subscriptions, and their rules", async () => {
    const { using } = await withRules();
    const { receive, send, client, admin } = using("reader");
    expect(await receive("t", "s")).toEqual([]);
    await expect(send("t")).rejects.toMatchObject(UNAUTHORIZED);
    await client.createRuleManager("t", "s").createRule("r", { correlationId: "1" });
    expect(await admin.getRule("t", "s", "r")).toMatchObject({ name: "r" });
    await expect(admin.getSubscription("t", "s")).rejects.toMatchObject({ statusCode: 401 });
  });

  // fidelity service-bus: authorization rules: what the key of a queue or a topic opens
  it("has two keys, and refuses others and what is not its own", async () => {
    const { using, admin } = await withRules();
    await using("sender", KEYS.secondaryKey).send();
    const invalid = { ...UNAUTHORIZED, message: expect.stringContaining("InvalidSignature") };
    await expect(using("sender", "d3Jvbmc=").send()).rejects.toMatchObject(invalid);
    await expect(using("sender").send("other")).rejects.toMatchObject(invalid);
    await admin.updateQueue({
      ...(await admin.getQueue("q")),
      authorizationRules: [{ ...RULES[0]!, primaryKey: "bmV3" }],
    });
    await expect(using("sender").send()).rejects.toMatchObject(invalid);
    await using("sender", "bmV3").send();
  });

  // fidelity service-bus: authorization rules: what the key of a queue or a topic opens
  it("lets manage with Manage only", async () => {
    const { using } = await withRules();
    expect(await using("owner").admin.getQueue("q")).toMatchObject({ name: "q" });
    const { admin } = using("sender");
    const refused = (text: RegExp) => ({ statusCode: 401, message: expect.stringMatching(text) });
    await expect(admin.getQueue("q")).rejects.toMatchObject(refused(/Manage,EntityRead claims required/));
    await expect(admin.deleteQueue("q")).rejects.toMatchObject(refused(/Manage,EntityDelete/));
    await expect(using("owner").admin.createQueue("new")).rejects.toMatchObject(refused(/InvalidSignature/));
    await expect(using("owner", "d3Jvbmc=").admin.getQueue("q")).rejects.toMatchObject(refused(/InvalidSignature/));
  });

  // fidelity service-bus partial: tokens — a key whose name is not known here is let in, unless `accessPolicies` are given; links outlive their token
  it("does not concern who gives a name that none has", async () => {
    const { using } = await withRules();
    await using("anything", "YW55").send();
    expect(await using("anything", "YW55").receive("q")).toHaveLength(1);
    await using("anything", "YW55").admin.createQueue("new");
  });
});

describe("access policies", () => {
  const accessPolicies: ServiceBusEmulatorOptions["accessPolicies"] = [
    { keyName: "readers", primaryKey: "cmVhZGVycw==", rights: ["Listen"] },
    { keyName: "others", primaryKey: "b3RoZXJz", rights: ["Send"], entity: "OTHER" },
  ];

  // fidelity service-bus partial: tokens — a key whose name is not known here is let in, unless `accessPolicies` are given; links outlive their token
  it("let in nobody else but the connection string's key and the entities' rules", async () => {
    const { emulator, using } = await withRules({ accessPolicies });
    await emulator.client.createSender("q").sendMessages({ body: 1 });
    expect((await one(using("readers", "cmVhZGVycw==").client.createReceiver("q"))).body).toBe(1);
    await expect(using("readers", "cmVhZGVycw==").send()).rejects.toMatchObject(UNAUTHORIZED);
    await using("others", "b3RoZXJz").send("other");
    await expect(using("others", "b3RoZXJz").send("q")).rejects.toMatchObject(UNAUTHORIZED);
    await using("sender").send();
    for (const [keyName, key] of [
      ["anything", "YW55"],
      ["RootManageSharedAccessKey", "YW55"],
    ] as const) {
      await expect(using(keyName, key).send()).rejects.toMatchObject(UNAUTHORIZED);
      await expect(using(keyName, key).admin.getQueue("q")).rejects.toMatchObject({ statusCode: 401 });
    }
  });
});
