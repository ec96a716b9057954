import { join } from "node:path";
import { Admin } from "@platformatic/kafka";
import { type CapturedError, type Harness, realTime, runConformance } from "@waybill/conformance";
import type { Adapter } from "@waybill/core/spi";
import { type KafkaOptions, kafka } from "@waybill/kafka";
import { afterAll, beforeAll } from "vitest";
import { type KafkaProxy, kafkaProxy } from "./kafka-proxy.ts";
import { type TestKafka, testKafka } from "./test-kafka.ts";

interface Run {
  readonly name: string;
  readonly engine: NonNullable<KafkaOptions["engine"]>;
  /** Default: the tested one. */
  readonly version?: string;
  readonly captured: (brokers: string[]) => Promise<readonly CapturedError[]>;
}

/** The whole suite over one real broker, with a proxy before it through which an instance can be made to vanish. */
export function kafkaConformance({ name, engine, version, captured }: Run): void {
  let broker: TestKafka | undefined;
  let proxy: KafkaProxy;
  let errors: readonly CapturedError[] = [];
  let made = 0;
  const clients = new WeakMap<Adapter, string>();

  beforeAll(async () => {
    proxy = await kafkaProxy();
    const listeners = { PROXIED: { protocol: "PLAINTEXT", advertised: proxy.address } } as const;
    broker = await testKafka(`conformance of ${name}`, { version, listeners });
    if (broker === undefined) return;
    // One that runs elsewhere has no such door: nothing can be made to vanish there.
    const door = broker.listeners?.PROXIED;
    if (door !== undefined) proxy.target(door);
    errors = await captured(broker.brokers);
  }, 120_000);
  afterAll(async () => {
    await proxy?.close();
    await broker?.stop();
  });

  runConformance<Harness>({
    name,
    page: "kafka",
    concurrent: true,
    harness: () => {
      const harness: Harness = {
        time: realTime({ quietMs: 500, patienceMs: 30_000 }),
        captured: errors,
        revoke: async (adapter, { topic, subscription }) =>
          expel(broker!.brokers, `${topic}.${subscription}`, clients.get(adapter)!),
      };
      if (broker?.listeners?.PROXIED === undefined) return harness;
      return { ...harness, crash: async (adapter) => proxy.freeze(clients.get(adapter)!) };
    },
    open: ({ subscriptions }) => {
      const clientId = `client-${++made}`;
      const brokers = broker?.listeners?.PROXIED === undefined ? broker!.brokers : [proxy.address];
      const adapter = kafka({
        brokers,
        engine,
        clientId,
        subscriptions,
        sessionTimeoutMs: 3_000,
        requestTimeoutMs: 5_000,
      });
      clients.set(adapter, clientId);
      return adapter;
    },
    resultsDirectory: join(import.meta.dirname, "../../node_modules/.cache/waybill/conformance"),
  });
}

/** Takes the client's members out of the group, as the broker does with one that it has not heard of. */
async function expel(brokers: string[], groupId: string, clientId: string): Promise<void> {
  const admin = new Admin({ clientId: "test-expel", bootstrapBrokers: brokers, retries: 3 });
  try {
    const group = (await admin.describeGroups({ groups: [groupId] })).get(groupId);
    const members = [...(group?.members.values() ?? [])].filter((member) => member.clientId === clientId);
    await admin.removeMembersFromConsumerGroup({ groupId, members: members.map(({ id }) => ({ memberId: id })) });
  } finally {
    await admin.close();
  }
}
