import { join } from "node:path";
import { type CapturedError, type Harness, realTime, runConformance } from "@waybill/conformance";
import { isWaybillError } from "@waybill/core";
import { deadTopic, ownTopic } from "@waybill/core/spi";
import { type EventGridEmulator, startEventGridEmulator } from "@waybill/emulators";
import { type EventGridAdapter, type EventGridManagement, eventGrid } from "@waybill/event-grid";
import { afterAll, beforeAll } from "vitest";
import { type LoadBalancer, startLoadBalancer } from "./event-grid-webhooks.fixture.ts";

const NAMESPACE = "shop";
/** The shortest lock that a busy machine keeps: the service's least is 60 s. */
const LOCK_MS = 3_000;
const PATIENCE_MS = 3_000;
const SECRET = "conformance secret";
/** Divides the retry schedule of webhooks, whose first wait is 30 s. */
const SPEED = 20;
const resultsDirectory = join(import.meta.dirname, "../../node_modules/.cache/waybill/conformance");

let emulator: EventGridEmulator;
let pushing: EventGridEmulator;
let balancer: LoadBalancer;
let captured: readonly CapturedError[] = [];

beforeAll(async () => {
  emulator = await startEventGridEmulator();
  captured = await captureErrors();
  pushing = await startEventGridEmulator({ speed: SPEED });
  balancer = await startLoadBalancer(encodeURIComponent(SECRET));
  balancer.standby.adapter = push();
});
afterAll(async () => {
  await emulator?.close();
  await pushing?.close();
  balancer?.close();
});

/** As the management plane does it. */
const management: EventGridManagement = {
  createTopic: async (topic) => ifNew(async () => emulator.control.createNamespaceTopic(NAMESPACE, topic)),
  createSubscription: (topic, name, settings) =>
    ifNew(() => emulator.control.createSubscription(`${NAMESPACE}/${topic}`, { name, ...settings })),
};

async function ifNew(create: () => Promise<unknown>): Promise<void> {
  try {
    await create();
  } catch (error) {
    if (!/exist/i.test(String(error))) throw error;
  }
}

const pull = (subscriptions: Readonly<Record<string, readonly string[]>>) =>
  eventGrid({
    endpoint: emulator.endpoint,
    key: emulator.key,
    subscriptions,
    management,
    lockMs: LOCK_MS,
    maxWaitMs: 10_000,
  });

async function prepare(topic: string, subscriptions: readonly string[]): Promise<void> {
  const { signal } = new AbortController();
  try {
    const steps = await pull({ [topic]: subscriptions }).topology!.plan({ prune: false, signal });
    for (const step of steps) await step.apply!(signal);
  } catch (error) {
    // Nobody can prepare it; what opens it is told so.
    if (!isWaybillError(error, "WB_NAME_TOO_LONG")) throw error;
  }
}

/** Errors as the HTTP client and the service's answers really are. */
async function captureErrors(): Promise<readonly CapturedError[]> {
  emulator.control.createNamespaceTopic(NAMESPACE, "errors");
  const { signal } = new AbortController();
  const message = (data: unknown) => ({
    id: "1",
    body: Buffer.from(JSON.stringify({ specversion: "1.0", id: "1", source: "/s", type: "t", data })),
    headers: {},
  });
  const errorOf = async (options: Parameters<typeof eventGrid>[0], topic: string, data: unknown = 1) => {
    const sender = await eventGrid({ requestTimeoutMs: 5_000, ...options }).openSender(topic);
    const [outcome] = await sender.send([message(data)], signal);
    return outcome!.ok ? new Error("This send was to fail.") : outcome!.error;
  };
  const { endpoint, key } = emulator;
  const throttled = async () => {
    emulator.control.throttle(30);
    const error = await errorOf({ endpoint, key }, "errors");
    emulator.control.throttle(false);
    return error;
  };
  const custom = (topicKey: string) => ({
    kind: "custom" as const,
    topics: { errors: { endpoint: emulator.topicEndpoint("errors"), key: topicKey } },
  });
  return [
    { what: "a topic that does not exist", kind: "not-found", error: await errorOf({ endpoint, key }, "absent") },
    { what: "a custom topic that does not exist", kind: "not-found", error: await errorOf(custom(key), "errors") },
    { what: "a wrong key", kind: "unauthorized", error: await errorOf({ endpoint, key: "d3Jvbmc=" }, "errors") },
    {
      what: "an event that is too large",
      kind: "too-large",
      error: await errorOf({ endpoint, key }, "errors", "x".repeat(1_100_000)),
    },
    {
      what: "nobody at that address",
      kind: "transient",
      error: await errorOf({ endpoint: "http://127.0.0.1:1", key }, "errors"),
    },
    { what: "a throttled namespace", kind: "throttled", error: await throttled() },
  ];
}

runConformance<Harness>({
  name: "pull",
  page: "event-grid",
  concurrent: true,
  timeoutMs: 120_000,
  harness: () => ({
    time: realTime({ quietMs: 500, patienceMs: 60_000 }),
    captured,
    prepare,
    revoke: async (_adapter, { topic, subscription }) => {
      // Short names are lengthened; what the suite calls `a` is this there.
      emulator.control.expireLocks(`${NAMESPACE}/${topic}`, `sub--${subscription}`);
    },
  }),
  open: ({ subscriptions }) => pull(subscriptions),
  deviations: {
    "drain: what is given back has used no attempt up":
      "a release cannot write the attempt, so that the delivery count is taken for it",
  },
  resultsDirectory,
});

/** Custom topics, by logical name. What is given up goes to one of its own, which pushes as well. */
const customTopics = new Map<string, string>();

function push(): EventGridAdapter {
  const topics = [...customTopics].map(([logical, endpoint]) => [logical, { endpoint }] as const);
  return eventGrid({
    kind: "custom",
    key: pushing.key,
    topics: Object.fromEntries(topics),
    webhook: { query: { name: "code", secrets: [SECRET] }, patienceMs: PATIENCE_MS },
  });
}

async function preparePush(topic: string, subscriptions: readonly string[]): Promise<void> {
  const create = async (logical: string, physical: string, names: readonly string[]) => {
    if (physical.length > 50) return;
    pushing.control.createTopic(physical);
    customTopics.set(logical, pushing.topicEndpoint(physical));
    for (const name of names) {
      const endpointUrl = balancer.urlOf(logical, name);
      await pushing.control.createSubscription(physical, {
        name: `sub--${name}`.slice(0, 64),
        destination: { endpointType: "WebHook", endpointUrl },
      });
    }
  };
  await create(topic, topic, subscriptions);
  for (const name of subscriptions) await create(deadTopic(topic, name), `${topic}--${name}--dead`, [name]);
}

runConformance<Harness>({
  name: "webhook",
  page: "event-grid",
  concurrent: true,
  timeoutMs: 120_000,
  harness: () => ({
    time: realTime({ quietMs: 500, patienceMs: 60_000 }),
    prepare: preparePush,
    crash: async (adapter) => balancer.crash(adapter as EventGridAdapter),
    revoke: async (adapter, { topic, subscription }) =>
      balancer.cut(adapter as EventGridAdapter, ownTopic(topic, subscription)),
  }),
  open: () => balancer.watch(push()),
  deviations: {
    "receive: does not wait while something is there":
      "the case holds 40 events at once, and a sender of webhooks waits for answers before it sends more: the emulator after 32",
    "drain: what is given back has used no attempt up":
      "a release cannot write the attempt, so that the delivery count is taken for it",
  },
  resultsDirectory,
});
