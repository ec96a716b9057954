import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { createBus, defineEvent, defineTopic } from "@waybill/core";
import { kafka } from "@waybill/kafka";
import { CloudEvent, Kafka as CloudEventsKafka } from "cloudevents";
import kafkajs from "kafkajs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type TestKafka, testKafka } from "../kafka/test-kafka.ts";

const run = promisify(execFile);
const broker: TestKafka | undefined = await testKafka("kafka interop");
const brokers = broker?.brokers ?? [];

const hasKcat = await run("kcat", ["-V"]).then(
  () => true,
  () => false,
);
if (!hasKcat)
  console.warn("kafka interop with kcat: skipped. There is no `kcat` on the PATH (Debian: apt-get install kcat).");

const placed = defineEvent("com.example.order.placed", z.object({ n: z.number() }));

interface Seen {
  readonly id: string;
  readonly source: string;
  readonly data: unknown;
  readonly color: unknown;
}

describe.skipIf(broker === undefined)("CloudEvents on Kafka", () => {
  const client = new kafkajs.Kafka({ clientId: "foreign", brokers, logLevel: kafkajs.logLevel.NOTHING });
  const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  beforeAll(async () => {
    if (broker !== undefined) await producer.connect();
  });
  afterAll(async () => {
    if (broker !== undefined) await producer.disconnect();
    await broker?.stop();
  });

  /** What a subscription of ours sees of what `write` puts on the topic. */
  async function read(name: string, write: (topic: string) => Promise<unknown>): Promise<Seen> {
    await using bus = createBus({ source: "/ours", adapter: kafka({ brokers }) });
    const seen = Promise.withResolvers<Seen>();
    await bus.subscribe(defineTopic(name, [placed]), { name: "reader" }, async (event) => {
      seen.resolve({
        id: event.id,
        source: event.source,
        data: event.data,
        color: (event as { color?: unknown }).color,
      });
    });
    await write(name);
    return await seen.promise;
  }

  it("reads headers written by hand", async () => {
    const headers = {
      ce_specversion: "1.0",
      ce_id: "hand-1",
      ce_source: "/hand",
      ce_type: placed.type,
      ce_color: "blue",
      "content-type": "application/json",
    };
    const seen = await read("by-hand", (topic) =>
      producer.send({ topic, messages: [{ key: "k", value: '{"n":1}', headers }] }),
    );
    expect(seen).toEqual({ id: "hand-1", source: "/hand", data: { n: 1 }, color: "blue" });
  });

  it.each(["binary", "structured"] as const)("reads what the cloudevents SDK writes in %s mode", async (mode) => {
    const event = new CloudEvent({
      id: `sdk-${mode}`,
      source: "/sdk",
      type: placed.type,
      datacontenttype: "application/json",
      data: { n: 2 },
      partitionkey: "k",
      color: "red",
    });
    const seen = await read(`by-sdk-${mode}`, (topic) => {
      const { key, value, headers: given } = CloudEventsKafka[mode](event);
      const headers = Object.fromEntries(Object.entries(given).filter(([, one]) => one !== undefined)) as Record<
        string,
        string
      >;
      // The SDK leaves data as an object in binary mode; its users serialize it.
      const text = typeof value === "string" ? value : JSON.stringify(value);
      return producer.send({
        topic,
        messages: [{ key: String(key), value: text, headers }],
      });
    });
    expect(seen).toEqual({ id: `sdk-${mode}`, source: "/sdk", data: { n: 2 }, color: "red" });
  });

  it("is read by the cloudevents SDK", async () => {
    await using bus = createBus({ source: "/ours", adapter: kafka({ brokers }) });
    await bus.publish(defineTopic("to-sdk", [placed]), placed({ n: 3 }, { id: "ours-3", key: "k" }));
    const consumer = client.consumer({ groupId: "sdk-reader" });
    const seen = Promise.withResolvers<{ id: string; data: unknown; partitionkey: unknown }>();
    await consumer.connect();
    await consumer.subscribe({ topic: "to-sdk", fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ message: { key, value, headers } }) => {
        // The SDK calls string methods on headers, which kafkajs hands out as bytes.
        const text = Object.fromEntries(Object.entries(headers ?? {}).map(([name, bytes]) => [name, String(bytes)]));
        const event = CloudEventsKafka.toEvent({
          key: String(key),
          value: String(value),
          headers: text,
          body: String(value),
        } as never);
        seen.resolve(event as CloudEvent as unknown as { id: string; data: unknown; partitionkey: unknown });
      },
    });
    const event = await seen.promise;
    await consumer.disconnect();
    expect({ id: event.id, key: event.partitionkey }).toEqual({ id: "ours-3", key: "k" });
    expect(typeof event.data === "string" ? JSON.parse(event.data) : event.data).toEqual({ n: 3 });
  });

  it.skipIf(!hasKcat)("reads what kcat writes with -H, and is read by kcat", async () => {
    const flags = ["specversion=1.0", "id=kcat-1", "source=/kcat", `type=${placed.type}`, "color=green"];
    const seen = await read("by-kcat", (topic) => {
      const headers = [...flags.map((flag) => `ce_${flag}`), "content-type=application/json"].flatMap((one) => [
        "-H",
        one,
      ]);
      const writing = run("kcat", ["-P", "-b", brokers.join(","), "-t", topic, "-k", "k", ...headers]);
      writing.child.stdin!.end('{"n":4}');
      return writing;
    });
    expect(seen).toEqual({ id: "kcat-1", source: "/kcat", data: { n: 4 }, color: "green" });

    await using bus = createBus({ source: "/ours", adapter: kafka({ brokers }) });
    await bus.publish(defineTopic("to-kcat", [placed]), placed({ n: 5 }, { id: "ours-5", key: "k" }));
    const args = ["-C", "-b", brokers.join(","), "-t", "to-kcat", "-o", "beginning", "-e", "-q", "-f", "%k|%h|%s"];
    const { stdout } = await run("kcat", args);
    const [key, headers = "", body] = stdout.split("|");
    expect([key, body]).toEqual(["k", '{"n":5}']);
    for (const one of ["ce_id=ours-5", "ce_source=/ours", `ce_type=${placed.type}`, "content-type=application/json"]) {
      expect(headers.split(",")).toContain(one);
    }
  });
});
