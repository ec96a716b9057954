import { setTimeout as sleep } from "node:timers/promises";
import { createRelay, type Relay } from "@waybill/outbox";
import { brokerPublisher } from "./broker-publisher.ts";
import { codeOf, followParent, tell } from "./child.ts";
import { type Address, openDatabase } from "./database.ts";

const REPORT_MS = 500;

/** One of the relays: `node relay-process.ts ADDRESS BROKER LEASE_MS NAME`. SIGTERM drains it. */
async function main(): Promise<void> {
  const [address = "", broker = "", leaseMs = "", name = ""] = process.argv.slice(2);
  const told = new Promise((resolve) => process.once("SIGTERM", resolve));
  followParent();
  let relay: Relay | undefined;
  const { store } = openDatabase(JSON.parse(address) as Address);
  for (;;) {
    relay = createRelay({
      store,
      publisher: brokerPublisher(broker, name),
      leaseMs: Number(leaseMs),
      observer: {
        trouble: ({ error }) => tell({ trouble: codeOf(error) }),
        dead: ({ error }) => tell({ problem: `an event was given up: ${error}` }),
      },
    });
    try {
      await relay.start();
      break;
    } catch (error) {
      // The database is not there: who starts a relay tries again.
      tell({ trouble: codeOf(error) });
      await relay.close();
      await sleep(200);
    }
  }
  tell({ ready: true });
  const report = setInterval(() => tell({ rss: process.memoryUsage.rss(), held: relay.status().held }), REPORT_MS);
  await told;
  clearInterval(report);
  await relay.drain({ deadlineMs: 10_000 }).catch((error) => tell({ trouble: codeOf(error) }));
  await store.close();
  process.exit(0);
}

void main();
