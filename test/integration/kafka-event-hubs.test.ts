import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { inspect } from "node:util";
import type { Adapter, Delivery, Receiver } from "@waybill/core/spi";
import { freePorts } from "@waybill/emulators/kafka";
import { type KafkaOptions, kafka } from "@waybill/kafka";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { kafkaClients } from "../kafka/kafka-clients.fixture.ts";
import { secureKafka } from "../kafka/secure-kafka.fixture.ts";

// The real Kafka, set up as the endpoint of Event Hubs: SASL over TLS at one port, a user whose password is a connection string, no topics of its own making, and
// a connection that brings more than 1 046 528 bytes in one request is closed.

const { broker: port } = await freePorts();
const KEY = "c2VjcmV0LWtleQ==";
const connectionString = (key = KEY) =>
  `Endpoint=sb://localhost:${port}/;SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=${key}`;
const broker = await secureKafka(
  "the Event Hubs profile of kafka",
  { $ConnectionString: connectionString() },
  {
    signedPort: port,
    properties: { "socket.request.max.bytes": "1046528", "compression.type": "producer" },
  },
);
const PARTITIONS = 32;
const signal = new AbortController().signal;

describe.skipIf(broker?.listeners === undefined).each(["kafkajs", "platformatic"] as const)("over %s", (engine) => {
  const open: Adapter[] = [];
  const trusted = getCACertificates();
  const clients = kafkaClients(broker?.brokers ?? []);
  const hub = `orders-${engine}`;
  const source = { topic: hub, subscription: "billing", startFrom: "earliest" } as const;
  const adapter = (options: KafkaOptions = {}): Adapter => {
    const made = kafka({ engine, eventHubs: { connectionString: connectionString() }, ...options });
    open.push(made);
    return made;
  };
  const take = async (receiver: Receiver, count: number): Promise<Delivery[]> => {
    const came: Delivery[] = [];
    for (let round = 0; came.length < count && round < 30; round++) {
      came.push(...(await receiver.receive({ max: 500, maxBytes: 8 << 20, pausedLanes: new Set() }, signal)));
    }
    return came;
  };
  const message = (id: string, bytes: number) => ({
    id,
    key: `k-${id}`,
    body: Buffer.alloc(bytes, id),
    headers: { ce_id: id, ce_type: "com.example.placed", "content-type": "application/octet-stream" },
  });

  beforeAll(async () => {
    // What the service's certificate is to everybody: signed by an authority that this process trusts.
    setDefaultCACertificates([...trusted, broker!.ca]);
    await clients.createTopic(hub, PARTITIONS);
  });
  afterAll(async () => {
    setDefaultCACertificates(trusted);
    await clients.close();
  });
  afterEach(async () => void (await Promise.all(open.splice(0).map((one) => one.close()))));

  it("carries events, compressed or not, and reads its limits from nobody", async () => {
    const one = adapter({ compression: "gzip" });
    expect(await one.health(AbortSignal.timeout(10_000))).toEqual({ ok: true });
    const receiver = await one.openReceiver(source);
    expect(receiver.returnTo).toBeUndefined();
    const sender = await one.openSender(hub);
    expect(sender.capabilities).toMatchObject({ maxMessageBytes: 1_000_000, maxSendBatchBytes: 1_000_000 });
    expect(await sender.send([message("a", 10)], signal)).toMatchObject([{ ok: true }]);
    const plain = await adapter().openSender(hub);
    expect(await plain.send([message("b", 10)], signal)).toMatchObject([{ ok: true }]);
    const came = await take(receiver, 2);
    expect(came.map((delivery) => delivery.message.id).toSorted()).toEqual(["a", "b"]);
    expect(came[0]!.message.headers).toMatchObject({ ce_type: "com.example.placed" });
    await receiver.settle(
      came.map((delivery) => ({ delivery, kind: "ack" as const })),
      signal,
    );
    expect(await one.backlog!(source)).toEqual({ events: 0 });
  });

  it("fills a batch, over all partitions, and a message to its limit, and the service takes the request", async () => {
    const one = adapter();
    const sender = await one.openSender(hub);
    const { maxSendBatchBytes, maxSendBatch, maxMessageBytes } = sender.capabilities;
    const batch = Array.from({ length: maxSendBatch }, (_, n) => message(`m-${n}`, 800));
    let bytes = 0;
    const fitting = batch.filter((each) => {
      bytes += sender.measure!(each);
      return bytes <= maxSendBatchBytes;
    });
    expect(bytes).toBeGreaterThan(maxSendBatchBytes * 0.9);
    expect((await sender.send(fitting, signal)).every(({ ok }) => ok)).toBe(true);
    const overhead = sender.measure!(message("x", maxMessageBytes)) - maxMessageBytes;
    expect(await sender.send([message("x", maxMessageBytes - overhead)], signal)).toMatchObject([{ ok: true }]);
    expect(await sender.send([message("y", maxMessageBytes - overhead + 1)], signal)).toMatchObject([
      { ok: false, error: { code: "WB_KAFKA_TOO_LARGE" } },
    ]);
  });

  it("makes no hub", async () => {
    const one = adapter();
    for (const opening of [one.openSender("absent"), one.openReceiver({ ...source, topic: "absent" })]) {
      await expect(opening).rejects.toMatchObject({ code: "WB_KAFKA_TOPIC" });
    }
    expect((await clients.topics()).filter((topic) => !topic.startsWith("__")).toSorted()).not.toContain("absent");
  });

  it("says that a key is wrong, and not which one it was", async () => {
    const wrong = "d3Jvbmcta2V5LXNlY3JldA==";
    const one = adapter({ eventHubs: { connectionString: connectionString(wrong) } });
    const error = await one.openSender(hub).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "WB_KAFKA_CALL" });
    expect(one.classify(error)).toBe("unauthorized");
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(wrong);
    const { ok, error: unhealthy } = (await one.health(AbortSignal.timeout(10_000))) as {
      ok: boolean;
      error?: unknown;
    };
    expect(ok).toBe(false);
    expect(inspect(unhealthy, { depth: 20, showHidden: true })).not.toContain(wrong);
  });
});

afterAll(() => broker?.stop());
