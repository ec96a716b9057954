import { setTimeout as sleep } from "node:timers/promises";
import { startAzurite } from "@waybill/emulators";
import { freePorts, startKafka } from "@waybill/emulators/kafka";
import { type EngineName, kafka } from "@waybill/kafka";
import { Kafka, logLevel } from "kafkajs";
import type { Carrier, CarrierOptions } from "../carrier.ts";
import { DECLARED, makeEntities } from "../entities.ts";
import { outage, proxied } from "../network-faults.ts";
import { startTcpProxy } from "../tcp-proxy.ts";
import { SUBSCRIPTIONS, steps } from "../workload.ts";

const PARTITIONS = 6;

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
  return {
    brokers: {
      main: {
        adapter: "kafka",
        engine,
        brokers,
        partitions: PARTITIONS,
        sessionTimeoutMs: 6_000,
        requestTimeoutMs: 5_000,
      },
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
      "taken-away": () => strangerInTheGroups(brokers),
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

/** A member that joins both groups, gets some of the partitions, commits nothing and leaves again. */
async function strangerInTheGroups(brokers: string[]): Promise<void> {
  const client = new Kafka({ brokers, logLevel: logLevel.NOTHING });
  await Promise.all(
    SUBSCRIPTIONS.map(async (name) => {
      const consumer = client.consumer({
        groupId: `${steps.name}.${name}`,
        maxWaitTimeInMs: 200,
        sessionTimeout: 6_000,
      });
      await consumer.connect();
      const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
      await consumer.subscribe({ topics: [steps.name] });
      await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: async () => undefined });
      await Promise.race([joined, sleep(10_000)]);
      await sleep(500);
      await consumer.disconnect();
    }),
  );
}
