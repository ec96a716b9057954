import { createBus } from "@waybill/core";
import { type ServiceBusSessions, serviceBus } from "@waybill/service-bus";

/** Publishes and receives one event, closes the bus, and does not say that it is over: the process ends when nothing keeps it. */
async function main(): Promise<void> {
  const [connectionString, sessions] = process.argv.slice(2) as [string, ServiceBusSessions];
  const adapter = serviceBus({ connectionString, sessions, subscriptions: { orders: ["billing"] } });
  const bus = createBus({ source: "/shop", adapter });
  const came = Promise.withResolvers<void>();
  await bus.subscribe("orders", { name: "billing" }, async () => came.resolve());
  await bus.publishRaw("orders", [
    { specversion: "1.0", id: "1", source: "/shop", type: "placed", partitionkey: "o-1" },
  ]);
  await came.promise;
  await bus.close();
  console.log("closed");
}

void main();
