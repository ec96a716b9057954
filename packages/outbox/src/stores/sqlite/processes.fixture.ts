/** A process of `processes.test.ts`: node processes.fixture.ts <role> <file> <name> <count> */
import { appendFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { defineEvent, defineTopic } from "@waybill/core";
import { createInbox } from "../../inbox/create-inbox.ts";
import { createOutbox } from "../../outbox.ts";
import { createRelay } from "../../relay/relay.ts";
import { sqlite } from "./index.ts";

const [role, path = "", name = "", count = "0"] = process.argv.slice(2);
const noted = defineEvent("test.noted");
const notes = defineTopic("notes", [noted]);
const store = sqlite({ path });
const outbox = createOutbox({ store, source: `/${name}` });

/** 16 handlers at once, each with a pause inside its transaction, and a chain into the outbox. */
async function handlers(): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  // It measures from its first tick on.
  while (delay.count === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  process.stdout.write("begun\n");
  await store.open();
  const inbox = createInbox({ store });
  let next = 0;
  const worker = async () => {
    while (next < Number(count)) {
      const id = `${next++}`;
      await inbox.process(
        { topic: "in", subscription: name, source: "/test", id },
        async (tx) => {
          tx.prepare("UPDATE effect SET n = n + 1 WHERE name = ?").run(name);
          await new Promise((resolve) => setTimeout(resolve, Number(id) % 3));
          await outbox.publish(tx, notes, noted(Number(id), { key: name }));
        },
        AbortSignal.timeout(60_000),
      );
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  delay.disable();
  await store.close();
  process.stdout.write(JSON.stringify({ maxDelayMs: delay.max / 1e6 }));
}

/** Publishes into the file `name`, a line an event, until it is killed. */
async function relay(): Promise<void> {
  const running = createRelay({
    store,
    leaseMs: 300,
    batch: 20,
    publisher: {
      async publishRaw(_topic, events) {
        appendFileSync(name, events.map((event) => `${event.id} ${event.partitionkey} ${event.data}\n`).join(""));
        await new Promise((resolve) => setImmediate(resolve));
        return events.map(() => ({ ok: true, value: undefined }));
      },
    },
  });
  await running.start();
}

await (role === "relay" ? relay() : handlers());
