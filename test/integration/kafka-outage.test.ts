import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createBus, defineEvent, defineTopic } from "@waybill/core";
import { startKafka } from "@waybill/emulators";
import { freePorts } from "@waybill/emulators/kafka";
import { type KafkaOptions, kafka } from "@waybill/kafka";
import { expect, it } from "vitest";
import { z } from "zod";
import { startTcpProxy } from "../chaos/broker/tcp-proxy.ts";
import { canStartKafka, testedVersion } from "../kafka/test-kafka.ts";

const counted = defineEvent("com.example.counted", z.object({ n: z.number() }));
const EVENTS = 100;

/** A bus with one subscription, and what it has seen, in the order in which it saw each for the first time. */
async function line(
  brokers: string[],
  engine: NonNullable<KafkaOptions["engine"]>,
  options: Partial<KafkaOptions> = {},
) {
  const adapter = kafka({ brokers, engine, sessionTimeoutMs: 3_000, ...options });
  const bus = createBus({ source: "/outage", adapter, publish: { deadlineMs: 90_000 } });
  const topic = defineTopic(`outage-${engine}`, [counted]);
  const seen = new Set<number>();
  await bus.subscribe(topic, { name: "reader", order: "required" }, async ({ data }) => void seen.add(data.n));
  const publish = (n: number) => bus.publish(topic, counted({ n }, { key: "k" }));
  const backlog = () => adapter.backlog!({ topic: topic.name, subscription: "reader" });
  return { bus, seen, publish, backlog };
}

it("loses nothing and keeps the order of a key, over both engines, when the broker is killed and comes back", {
  timeout: 180_000,
}, async (context) => {
  if (!(await canStartKafka("kafka outage"))) context.skip();
  const dataDir = await mkdtemp(join(tmpdir(), "waybill-outage-"));
  const options = { version: testedVersion(), dataDir };
  let broker = await startKafka(options);
  const port = Number(broker.brokers[0]!.split(":")[1]);
  const lines = await Promise.all([line(broker.brokers, "kafkajs"), line(broker.brokers, "platformatic")]);
  try {
    const half = Array.from({ length: EVENTS / 2 }, (_, n) => n);
    await Promise.all(lines.flatMap(({ publish }) => half.map(publish)));
    await expect.poll(() => lines.map(({ seen }) => seen.size), { timeout: 60_000 }).toEqual([50, 50]);

    process.kill(broker.pid, "SIGKILL");
    await broker.stop();
    const publishing = lines.flatMap(({ publish }) => half.map((n) => publish(n + EVENTS / 2)));
    broker = await startKafka({ ...options, port });
    await Promise.all(publishing);
    await expect.poll(() => lines.map(({ seen }) => seen.size), { timeout: 60_000 }).toEqual([EVENTS, EVENTS]);
    for (const { seen, backlog } of lines) {
      expect([...seen]).toEqual(Array.from({ length: EVENTS }, (_, n) => n));
      await expect.poll(backlog, { timeout: 30_000 }).toEqual({ events: 0 });
    }
  } finally {
    await Promise.all(lines.map(({ bus }) => bus.close()));
    await broker.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
});

it("replaces connections that stand and carry nothing more, over both engines", {
  timeout: 180_000,
}, async (context) => {
  if (!(await canStartKafka("kafka outage"))) context.skip();
  const { broker: port } = await freePorts();
  const proxy = await startTcpProxy(port);
  const broker = await startKafka({ version: testedVersion(), port, advertisedPort: proxy.port });
  const brokers = [`127.0.0.1:${proxy.port}`];
  // After so long without an answer a connection is given up.
  const patience = { requestTimeoutMs: 6_000 };
  const lines = await Promise.all([line(brokers, "kafkajs", patience), line(brokers, "platformatic", patience)]);
  try {
    await Promise.all(lines.map(({ publish }) => publish(0)));
    await expect.poll(() => lines.map(({ seen }) => seen.size), { timeout: 60_000 }).toEqual([1, 1]);
    expect(proxy.stall()).toBeGreaterThan(4);
    await Promise.all(lines.flatMap(({ publish }) => [1, 2, 3].map(publish)));
    await expect
      .poll(() => lines.map(({ seen }) => [...seen]), { timeout: 60_000 })
      .toEqual(lines.map(() => [0, 1, 2, 3]));
    for (const { backlog } of lines) await expect.poll(backlog, { timeout: 30_000 }).toEqual({ events: 0 });
  } finally {
    await Promise.all(lines.map(({ bus }) => bus.close()));
    await proxy.close();
    await broker.stop();
  }
});
