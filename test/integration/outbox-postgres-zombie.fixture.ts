/** A relay of `outbox-postgres-zombie.test.ts`: node outbox-postgres-zombie.fixture.ts <url> <mode> <log>. Publishes a line an event, until it is killed. */
import { appendFileSync } from "node:fs";
import { createRelay } from "@waybill/outbox";
import { postgres } from "@waybill/outbox/postgres";

const [connectionString = "", mode = "polling", log = ""] = process.argv.slice(2);
const relay = createRelay({
  store: postgres({ connectionString, mode: mode as "polling" | "cdc" }),
  leaseMs: 600,
  batch: 20,
  publisher: {
    async publishRaw(_topic, events) {
      appendFileSync(log, events.map((event) => `${event.id} ${event.partitionkey} ${event.data}\n`).join(""));
      await new Promise((resolve) => setTimeout(resolve, 2));
      return events.map(() => ({ ok: true, value: undefined }));
    },
  },
});
await relay.start();
