import { join } from "node:path";
import { ServiceBusClient, type ServiceBusReceivedMessage } from "@azure/service-bus";
import { type CapturedError, type Harness, realTime, runConformance } from "@waybill/conformance";
import { type ServiceBusEmulator, startServiceBusEmulator } from "@waybill/emulators";
import { type ServiceBusOptions, serviceBus } from "@waybill/service-bus";
import { afterAll, beforeAll } from "vitest";

let emulator: ServiceBusEmulator;
let captured: readonly CapturedError[] = [];

beforeAll(async () => {
  emulator = await startServiceBusEmulator({
    checkToken: ({ token }) =>
      token.includes("skn=refused") ? { status: 401, description: "Put token failed. status-code: 401" } : undefined,
  });
  captured = await captureErrors(emulator);
});
afterAll(() => emulator?.close());

/** Errors as the SDK really throws them. */
async function captureErrors({ connectionString, control }: ServiceBusEmulator): Promise<readonly CapturedError[]> {
  const connect = (text: string) => new ServiceBusClient(text, { retryOptions: { maxRetries: 0, timeoutInMs: 3_000 } });
  const client = connect(connectionString);
  const refused = connect(connectionString.replace(/SharedAccessKeyName=[^;]*/, "SharedAccessKeyName=refused"));
  const nobody = connect(connectionString.replace(/:\d+;/, ":1;"));
  const nowhere = connect(connectionString.replace(/127\.0\.0\.1/, "nowhere.invalid"));
  const errorOf = (call: Promise<unknown>) =>
    call.then(
      () => new Error("This call was to fail."),
      (error: unknown) => error,
    );
  control.createQueue("errors", { lockDurationMs: 60_000 });
  control.createQueue("errors-sessions", { requiresSession: true });
  const sender = client.createSender("errors");
  const receiver = client.createReceiver("errors");
  await sender.sendMessages([{ body: "a" }, { body: "b" }]);
  const [first, second] = (await receiver.receiveMessages(2, { maxWaitTimeInMs: 3_000 })) as [
    ServiceBusReceivedMessage,
    ServiceBusReceivedMessage,
  ];
  control.expireLocks("errors");
  await client.createSender("errors-sessions").sendMessages({ body: "a", sessionId: "s" });
  const session = await client.acceptNextSession("errors-sessions");
  const found: CapturedError[] = [
    {
      what: "no such queue",
      kind: "not-found",
      error: await errorOf(client.createSender("absent").sendMessages({ body: "x" })),
    },
    {
      what: "no such queue to look into",
      kind: "not-found",
      error: await errorOf(client.createReceiver("absent").peekMessages(1)),
    },
    { what: "a lock that ended", kind: "lost", error: await errorOf(receiver.completeMessage(first)) },
    { what: "renewing a lock that ended", kind: "lost", error: await errorOf(receiver.renewMessageLock(second)) },
    {
      what: "a message that is too large",
      kind: "too-large",
      error: await errorOf(sender.sendMessages({ body: Buffer.alloc(300_000) })),
    },
    {
      what: "a batch that is too large",
      kind: "too-large",
      error: await errorOf(sender.sendMessages([{ body: Buffer.alloc(300_000) }])),
    },
    {
      what: "a message without session",
      kind: "invalid",
      error: await errorOf(client.createSender("errors-sessions").sendMessages({ body: "x" })),
    },
    {
      what: "a plain receiver of sessions",
      kind: "invalid",
      error: await errorOf(client.createReceiver("errors-sessions").receiveMessages(1, { maxWaitTimeInMs: 100 })),
    },
    {
      what: "a session that somebody has",
      kind: "transient",
      error: await errorOf(client.acceptSession("errors-sessions", "s")),
    },
    { what: "no free session", kind: "transient", error: await errorOf(client.acceptNextSession("errors-sessions")) },
    {
      what: "a wrong key",
      kind: "unauthorized",
      error: await errorOf(refused.createSender("errors").sendMessages({ body: "x" })),
    },
    {
      what: "nobody at that address",
      kind: "transient",
      error: await errorOf(nobody.createSender("errors").sendMessages({ body: "x" })),
    },
    {
      what: "no such host",
      kind: "transient",
      error: await errorOf(nowhere.createSender("errors").sendMessages({ body: "x" })),
    },
  ];
  control.loseSession("errors-sessions", "s");
  found.push({ what: "a session that was lost", kind: "lost", error: await errorOf(session.renewSessionLock()) });
  control.throttle(true);
  found.push({
    what: "too many requests",
    kind: "throttled",
    error: await errorOf(sender.sendMessages({ body: "x" })),
  });
  control.throttle(false);
  control.update("errors", { status: "Disabled" });
  found.push({ what: "a disabled queue", kind: "transient", error: await errorOf(sender.sendMessages({ body: "x" })) });
  await Promise.all([client, refused, nobody, nowhere].map((one) => one.close()));
  return found;
}

/** The shortest locks that a busy machine keeps, so that the cases which wait for their end are quick. */
const LOCK_MS = 3_000;

function run(name: string, options: Pick<ServiceBusOptions, "sessions">): void {
  const requiresSession = options.sessions !== undefined;
  runConformance<Harness>({
    name,
    page: "service-bus",
    concurrent: true,
    harness: () => ({
      time: realTime({ quietMs: 500, patienceMs: 30_000 }),
      captured,
      async prepare(topic, subscriptions) {
        const { control } = emulator;
        control.createTopic(topic);
        for (const subscription of subscriptions) {
          const queue = `${topic}.${subscription}`;
          control.createQueue(queue, { lockDurationMs: LOCK_MS, requiresSession, maxDeliveryCount: 1_000 });
          control.createSubscription(topic, subscription, { forwardTo: queue });
        }
      },
      async revoke(_adapter, { topic, subscription }) {
        const queue = `${topic}.${subscription}`;
        if (!requiresSession) emulator.control.expireLocks(queue);
        else
          for (const { sessionId } of emulator.control.state(queue).messages)
            emulator.control.loseSession(queue, sessionId!);
      },
    }),
    open: ({ subscriptions }) =>
      serviceBus({ connectionString: emulator.connectionString, subscriptions, lockMs: LOCK_MS, ...options }),
    resultsDirectory: join(import.meta.dirname, "../../node_modules/.cache/waybill/conformance"),
  });
}

run("service-bus", {});
run("service-bus sessions", { sessions: "buckets" });
