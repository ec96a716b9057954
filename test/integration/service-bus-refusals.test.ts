import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inspect, promisify } from "node:util";
import { createBus } from "@waybill/core";
import { isWaybillError, type Receiver, type Sender } from "@waybill/core/spi";
import { startServiceBusEmulator } from "@waybill/emulators";
import { type ServiceBusOptions, serviceBus } from "@waybill/service-bus";
import { describe, expect, it } from "vitest";
import { event, never, open, source, until } from "./service-bus.fixture.ts";

const CANARY = "Y2FuYXJ5LWtleS1vZi1uby11c2U=";

/** How the refusal reads, wherever it comes from. */
async function refusal(call: () => Promise<unknown> | unknown) {
  try {
    await call();
  } catch (error) {
    expect(isWaybillError(error), String(error)).toBe(true);
    const { code, message, hint } = error as Error & { code: string; hint: string };
    expect(hint.length).toBeGreaterThan(20);
    const everything = `${inspect(error, { depth: 20, showHidden: true })} ${JSON.stringify(error)} ${(error as Error).stack}`;
    expect(everything).not.toContain(CANARY);
    expect(everything).not.toContain("canary-key");
    return { code, message: `${message} ${hint}`, error };
  }
  throw new Error("It was not refused.");
}

describe("what cannot work says so at once", () => {
  const options: [string, ServiceBusOptions, RegExp][] = [
    ["nothing to sign in with", {}, /CREDENTIALS.*no credentials/],
    ["two ways", { connectionString: "x", namespace: "n" }, /CREDENTIALS.*more than one way/],
    ["a namespace alone", { namespace: "n.servicebus.windows.net" }, /CREDENTIALS.*needs a credential/],
    [
      "a connection string without a key",
      { connectionString: "Endpoint=sb://n.servicebus.windows.net/;SharedAccessKeyName=a" },
      /CREDENTIALS.*SharedAccessKey/,
    ],
    ["text that is no connection string", { connectionString: "canary-key" }, /CREDENTIALS.*name=value/],
    [
      "True, which the SDK takes for TLS",
      {
        connectionString: `Endpoint=sb://localhost;SharedAccessKeyName=a;SharedAccessKey=${CANARY};UseDevelopmentEmulator=True`,
      },
      /CREDENTIALS.*lower case/,
    ],
    [
      "a SAS that has expired",
      {
        connectionString: `Endpoint=sb://n/;SharedAccessSignature=SharedAccessSignature sr=x&sig=${CANARY}&se=1700000000&skn=a`,
      },
      /CREDENTIALS.*expired at 2023/,
    ],
    [
      "an unknown option",
      { connectionString: "x", sesions: "key" } as ServiceBusOptions,
      /OPTION.*sesions does not exist/,
    ],
    ["a lock beyond the service's limit", { connectionString: "x", lockMs: 600_000 }, /OPTION.*lockMs must be between/],
    [
      "two readers of a plain queue",
      { connectionString: "x", queues: ["q"], subscriptions: { q: ["a", "b"] } },
      /OPTION.*plain queue/,
    ],
    [
      "a name against the service's rules",
      { connectionString: "x", subscriptions: { orders: [] }, names: { orders: "-orders" } },
      /NAME.*characters/,
    ],
    [
      "queues whose names differ in case alone, which the service takes for one",
      {
        connectionString: "x",
        subscriptions: { orders: ["billing", "mail"] },
        names: { "orders/billing": "Shared", "orders/mail": "shared" },
      },
      /WB_NAME_COLLISION/,
    ],
    [
      "one subscription for two, of which each would get a part",
      {
        connectionString: "x",
        ownQueues: false,
        subscriptions: { orders: ["billing", "mail"] },
        names: { "orders/billing": "Mail" },
      },
      /NAME.*is that of/,
    ],
    ["a topic of a name too long", { connectionString: "x", prefix: "p".repeat(51) }, /WB_NAME_INVALID/],
  ];
  it.each(options)("%s", async (_what, given, expected) => {
    const { code, message } = await refusal(() => serviceBus(given));
    expect(`${code} ${message}`).toMatch(expected);
  });

  it("properties beyond their own limit, although the message is within its", async () => {
    const { adapter, apply } = await open();
    const ours = adapter();
    await apply(ours);
    const bus = createBus({ source: "/shop", adapter: ours });
    const refused = async (extensions: Record<string, string>) => {
      const outcome = await bus.publishRaw("orders", {
        specversion: "1.0",
        id: "e-1",
        source: "/shop",
        type: "placed",
        ...extensions,
      });
      return outcome.ok ? undefined : (outcome.error as { code: string });
    };
    expect(await refused({ note: "n".repeat(32_767) })).toBeUndefined();
    expect(await refused({ note: "n".repeat(40_000) })).toMatchObject({
      code: "WB_EVENT_TOO_LARGE",
      sentence: expect.stringMatching(/in the property "cloudEvents_note": 40000 bytes, where 32767 are taken\.$/),
      hint: expect.stringMatching(/attributes.*short/i),
    });
    expect(await refused({ note: "ü".repeat(16_384) })).toMatchObject({ code: "WB_EVENT_TOO_LARGE" });
    expect(await refused({ note: "n".repeat(30_000), more: "m".repeat(30_000), and: "a".repeat(6_000) })).toMatchObject(
      {
        code: "WB_EVENT_TOO_LARGE",
        sentence: expect.stringMatching(/another limit: .* in all but its body: \d+ bytes, where 65536 are taken\.$/),
      },
    );
  });

  it("an entity that is not there, for a sender, a receiver, dead letters and a count", async () => {
    const { adapter } = await open();
    const ours = adapter();
    for (const call of [
      () => ours.openSender("orders"),
      () => ours.openReceiver(source),
      () => ours.openDeadLetters!(source),
      () => ours.backlog!(source),
    ]) {
      const { code, message, error } = await refusal(call);
      expect(`${code} ${message}`).toMatch(/WB_SERVICE_BUS_CALL.*(orders|orders\.billing).*topology/);
      expect(ours.classify(error)).toBe("not-found");
    }
    expect(await ours.health(never)).toMatchObject({ ok: false });
  });

  it("a reader whose entity has sessions, and one whose entity has none", async () => {
    const { emulator, adapter } = await open();
    emulator.control.createTopic("orders");
    for (const requiresSession of [true, false]) {
      emulator.control.createQueue("orders.billing", { requiresSession });
      const ours = adapter({ sessions: requiresSession ? "none" : "key" });
      const { code, message, error } = await refusal(() => ours.openReceiver(source));
      expect(`${code} ${message}`).toMatch(/WB_SERVICE_BUS_CALL.*sessions/);
      expect(ours.classify(error)).toBe("invalid");
      emulator.control.deleteEntity("orders.billing");
    }
  });

  it("a key that the service refuses, also when it is refused later", async () => {
    let refuses = true;
    const { emulator } = await open({
      checkToken: () =>
        refuses ? { status: 401, description: "InvalidSignature: The token has an invalid signature." } : undefined,
    });
    emulator.control.createTopic("orders");
    emulator.control.createQueue("orders.billing");
    const ours = serviceBus({
      connectionString: emulator.connectionString.replace(/SharedAccessKey=[^;]*/, `SharedAccessKey=${CANARY}`),
      subscriptions: { orders: ["billing"] },
      probeMs: 200,
    });
    for (const call of [() => ours.openSender("orders"), () => ours.openReceiver(source)]) {
      const { code, message, error } = await refusal(call);
      expect(`${code} ${message}`).toMatch(/WB_SERVICE_BUS_CALL.*key/);
      expect(ours.classify(error)).toBe("unauthorized");
    }
    expect(await ours.health(never)).toMatchObject({ ok: false });
    refuses = false;
    const receiver = await ours.openReceiver(source);
    const sender = await ours.openSender("orders");
    refuses = true;
    emulator.control.cutConnections();
    // Not a silent loop of attempts: the next receives and sends say it.
    expect(await kindOfNext(receiver, ours.classify)).toBe("unauthorized");
    expect(await kindOfSend(sender, ours.classify)).toBe("unauthorized");
    await ours.close();
  }, 20_000);

  it("a message that is too large, alone or by its properties, and the others of its call go on", async () => {
    const { adapter, apply } = await open();
    const ours = adapter();
    await apply(ours);
    const sender = await ours.openSender("orders");
    const large = { ...event("large"), body: new Uint8Array(262_144) };
    const heavy = event("heavy");
    const outcomes = await sender.send(
      [event("a"), large, { ...heavy, headers: { ...heavy.headers, note: "n".repeat(70_000) } }, event("b")],
      never,
    );
    expect(outcomes.map((outcome) => outcome.ok || ours.classify(outcome.error))).toEqual([
      true,
      "too-large",
      "too-large",
      true,
    ]);
  });

  it.each(["none", "key"] as const)(
    "a message that only the service finds too large, and the others of its batch go on in order (sessions: %s)",
    async (sessions) => {
      const { emulator, adapter, apply } = await open();
      const ours = adapter({ sessions });
      await apply(ours);
      const sender = await ours.openSender("orders");
      const messages = ["a", "b", "refused", "c", "d"].map((id) => event(id, { key: "k" }));
      // The entity has come to take less than the link was told of.
      emulator.control.update("orders", { maxMessageSizeInKilobytes: 16 });
      const refused = { ...messages[2]!, body: Buffer.alloc(20_000, "x") };
      const outcomes = await sender.send(messages.with(2, refused), never);
      expect(outcomes.map((outcome) => outcome.ok || ours.classify(outcome.error))).toEqual([
        true,
        true,
        "too-large",
        true,
        true,
      ]);
      await until(() => emulator.control.state("orders.billing").messages.length === 4, "the others have arrived");
      const arrived = emulator.control.state("orders.billing").messages.map(({ messageId }) => messageId);
      expect(arrived).toEqual(["a", "b", "c", "d"]);
    },
  );

  it("a namespace where nobody answers", async () => {
    const { emulator } = await open();
    const { port } = emulator;
    await emulator.close();
    const ours = serviceBus({
      connectionString: `Endpoint=sb://127.0.0.1:${port};SharedAccessKeyName=a;SharedAccessKey=${CANARY};UseDevelopmentEmulator=true`,
    });
    const { code, message, error } = await refusal(() => ours.openReceiver(source));
    expect(`${code} ${message}`).toMatch(/WB_SERVICE_BUS_CALL.*ECONNREFUSED.*firewall/);
    expect(ours.classify(error)).toBe("transient");
    await ours.close();
  });
});

async function kindOfNext(receiver: Receiver, classify: (error: unknown) => string): Promise<string> {
  let kind = "none";
  for (const end = Date.now() + 10_000; kind !== "unauthorized" && Date.now() < end; ) {
    kind = await receiver
      .receive({ max: 1, maxBytes: 1e6, pausedLanes: new Set() }, never)
      .then(() => "none", classify);
  }
  return kind;
}

async function kindOfSend(sender: Sender, classify: (error: unknown) => string): Promise<string> {
  let kind = "none";
  for (const end = Date.now() + 10_000; kind !== "unauthorized" && Date.now() < end; ) {
    const [outcome] = await sender.send([event("a")], never);
    kind = outcome!.ok ? "none" : classify(outcome!.error);
  }
  return kind;
}

describe("topology", () => {
  const declared = {
    subscriptions: { orders: ["billing", "mail"], jobs: ["worker"] },
    queues: ["jobs"],
    sessions: "buckets",
  } as const;

  it("plans what is missing in order, makes it, and then has nothing to do", async () => {
    const { adapter, apply } = await open();
    const ours = adapter(declared);
    const plan = (prune = false) => ours.topology!.plan({ prune, signal: never });
    expect((await plan()).map(({ action, entity, name }) => `${action} ${entity} ${name}`)).toEqual([
      "create topic orders",
      "create queue orders.billing",
      "create subscription orders/billing",
      "create queue orders.mail",
      "create subscription orders/mail",
      "create queue jobs",
    ]);
    // Two at once: fine when somebody else was faster.
    await Promise.all([apply(ours), apply(adapter(declared))]);
    expect(await plan()).toEqual([]);
    expect(await plan(true)).toEqual([]);
  });

  it("changes what can be changed, and refuses what is fixed", async () => {
    const { emulator, adapter, apply } = await open();
    await apply(adapter({ lockMs: 30_000 }));
    emulator.control.update("orders.billing", { maxDeliveryCount: 5, deadLetteringOnMessageExpiration: false });
    const later = adapter({ lockMs: 60_000 });
    const [step, ...none] = await later.topology!.plan({ prune: false, signal: never });
    expect(none).toEqual([]);
    expect(step).toMatchObject({ action: "update", entity: "queue", name: "orders.billing" });
    expect(step!.detail).toMatch(/lockDuration from PT30S to PT60S.*maxDeliveryCount from 5.*deadLettering/);
    await step!.apply!(never);
    expect(await later.topology!.plan({ prune: false, signal: never })).toEqual([]);

    const other = adapter({ sessions: "key", duplicateDetectionMs: 60_000, lockMs: 60_000 });
    const refused = await other.topology!.plan({ prune: false, signal: never });
    expect(refused.map(({ action, name, apply: none }) => [action, name, none])).toEqual([
      ["refuse", "orders", undefined],
      ["refuse", "orders.billing", undefined],
    ]);
    emulator.control.deleteEntity("orders");
    emulator.control.createQueue("orders");
    expect((await later.topology!.plan({ prune: false, signal: never }))[0]).toMatchObject({
      action: "refuse",
      name: "orders",
    });
  });

  it("deletes only what is ours and undeclared, and only when told to", async () => {
    const { emulator, adapter, apply } = await open();
    await apply(adapter({ subscriptions: { orders: ["billing", "old"], gone: ["reader"] }, prefix: "dev" }));
    emulator.control.createQueue("somebody-elses");
    emulator.control.createSubscription("dev.orders", "theirs");
    const ours = adapter({ prefix: "dev" });
    expect(await ours.topology!.plan({ prune: false, signal: never })).toEqual([]);
    const steps = await ours.topology!.plan({ prune: true, signal: never });
    expect(steps.map(({ action, entity, name }) => `${action} ${entity} ${name}`)).toEqual([
      "delete subscription dev.orders/old",
      "delete queue dev.gone.reader",
      "delete queue dev.orders.old",
      "delete topic dev.gone",
    ]);
    for (const step of steps) await step.apply!(never);
    expect(await ours.topology!.plan({ prune: true, signal: never })).toEqual([]);
  });

  it("reads subscriptions themselves where they have no queues, and then has no way back", async () => {
    const { adapter, apply } = await open();
    const ours = adapter({ ownQueues: false, sessions: "key" });
    await apply(ours);
    expect(await ours.topology!.plan({ prune: false, signal: never })).toEqual([]);
    const receiver = await ours.openReceiver(source);
    expect(receiver.returnTo).toBeUndefined();
    await expect(ours.openSender("orders/billing")).rejects.toMatchObject({ code: "WB_SERVICE_BUS_PLACE" });
  });
});

/** In a process of its own: Node reads extra certificates only when it starts. */
describe("over TLS", () => {
  it("signs in with a TokenCredential, over AMQP and over WebSocket", async () => {
    const folder = await mkdtemp(join(tmpdir(), "waybill-service-bus-"));
    const audiences: string[] = [];
    const emulator = await startServiceBusEmulator({
      tls: true,
      checkToken: ({ type, token, audience }) => {
        audiences.push(audience);
        return type === "jwt" && token === "a-token" ? undefined : { status: 401, description: "no" };
      },
    });
    try {
      emulator.control.createQueue("jobs");
      const certificate = join(folder, "ca.pem");
      await writeFile(certificate, emulator.certificate!);
      const program = fileURLToPath(new URL("./service-bus-tls.program.ts", import.meta.url));
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ["--conditions=waybill-source", program, `localhost:${emulator.port}`],
        { env: { ...process.env, NODE_EXTRA_CA_CERTS: certificate }, timeout: 20_000 },
      );
      expect(JSON.parse(stdout)).toEqual(["tls", "WB_SERVICE_BUS_CALL", "websocket", "WB_SERVICE_BUS_CALL"]);
      expect(audiences.length).toBeGreaterThan(0);
    } finally {
      await emulator.close();
      await rm(folder, { recursive: true, force: true });
    }
  }, 30_000);
});
