import { join } from "node:path";
import { type CapturedError, type Harness, realTime, runConformance } from "@waybill/conformance";
import { isWaybillError } from "@waybill/core";
import { type EventGridEmulator, startEventGridEmulator } from "@waybill/emulators";
import { type EventGridManagement, eventGrid } from "@waybill/event-grid";
import { afterAll, beforeAll } from "vitest";

const NAMESPACE = "shop";
/** The shortest lock that a busy machine keeps: the service's least is 60 s. */
const LOCK_MS = 3_000;

let emulator: EventGridEmulator;
let captured: readonly CapturedError[] = [];

beforeAll(async () => {
  emulator = await startEventGridEmulator();
  captured = await captureErrors();
});
afterAll(() => emulator?.close());

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
  resultsDirectory: join(import.meta.dirname, "../../node_modules/.cache/waybill/conformance"),
});
