import { once } from "node:events";
import { createBus } from "@waybill/core";
import { type KafkaOptions, kafka } from "@waybill/kafka";

/** Publishes and receives one event, and closes the bus when it is told to. It does not say that it is over: the process ends when nothing keeps it. */
async function main(): Promise<void> {
  const [brokers, engine] = process.argv.slice(2) as [string, NonNullable<KafkaOptions["engine"]>];
  const bus = createBus({ source: "/shop", adapter: kafka({ brokers, engine, sessionTimeoutMs: 1_000 }) });
  const came = Promise.withResolvers<void>();
  await bus.subscribe("orders", { name: engine }, async () => came.resolve());
  await bus.publishRaw("orders", [
    { specversion: "1.0", id: "1", source: "/shop", type: "placed", partitionkey: "o-1" },
  ]);
  await came.promise;
  process.send!("ready");
  await once(process, "message");
  await bus.close();
  process.send!("closed");
  process.disconnect();
}

void main();
