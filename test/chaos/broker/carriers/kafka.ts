import { setTimeout as sleep } from "node:timers/promises";
import { startAzurite } from "@waybill/emulators";
import { freePorts, startKafka } from "@waybill/emulators/kafka";
import { type EngineName, type KafkaOptions, kafka } from "@waybill/kafka";
import type { Carrier, CarrierOptions } from "../carrier.ts";
import { DECLARED, makeEntities } from "../entities.ts";
import { outage, proxied } from "../network-faults.ts";
import { startTcpProxy } from "../tcp-proxy.ts";
import { SUBSCRIPTIONS, steps } from "../workload.ts";

const PARTITIONS = 6;
const STRANGER_MS = 60_000;

/** The graves are in Azurite's queues, behind a proxy of their own: a Kafka broker tells its clients one address. */
export async function startKafkaCarrier({ folder }: CarrierOptions, engine: EngineName): Promise<Carrier> {
  const storage = await startAzurite();
  const { broker: port } = await freePorts();
  const main = await startTcpProxy(port);
  const queuePort = Number(new URL(storage.queueEndpoint!).port);
  const graveyard = await startTcpProxy(queuePort);
  const start = () => startKafka({ dataDir: folder, port, advertisedPort: main.port });
  let broker = await start();
  const brokers = [`127.0.0.1:${main.port}`];
  await makeEntities(
    kafka({ brokers, partitions: PARTITIONS, subscriptions: { [steps.name]: DECLARED[steps.name]! } }),
  );
  const member = { engine, brokers, partitions: PARTITIONS, sessionTimeoutMs: 6_000, requestTimeoutMs: 5_000 };
  return {
    brokers: {
      main: { adapter: "kafka", ...member },
      graves: {
        adapter: "storage-queue",
        connectionString: storage.connectionString.replaceAll(`:${queuePort}`, `:${graveyard.port}`),
        visibility: "5s",
        maxPoll: "500ms",
      },
    },
    ordered: true,
    faults: {
      ...proxied(main),
      "graves-down": (random) => outage(graveyard, random),
      "taken-away": () => strangerInTheGroups(member),
      "broker-restart": async () => {
        await broker.stop();
        await sleep(500);
        broker = await start();
      },
    },
    stop: async () => {
      await Promise.all([main.close(), graveyard.close()]);
      await broker.stop();
      await storage.stop();
    },
  };
}

/**
 * A member that joins both groups, gets some of the partitions, acks nothing and leaves again. Not the client library by itself: kafkajs lives on when it is told
 * to disconnect before it has joined, and keeps the process.
 */
async function strangerInTheGroups(options: KafkaOptions): Promise<void> {
  const untilMs = performance.now() + STRANGER_MS;
  for (let joined = false; !joined; ) {
    const stranger = kafka(options);
    const sources = SUBSCRIPTIONS.map((subscription) => ({ topic: steps.name, subscription }));
    try {
      await Promise.all(sources.map((source) => stranger.openReceiver({ ...source, startFrom: "earliest" })));
      joined = true;
      await sleep(500);
    } catch (error) {
      // The trouble before this one may not be over yet.
      if (performance.now() > untilMs) throw error;
    } finally {
      await stranger.close();
    }
  }
}
