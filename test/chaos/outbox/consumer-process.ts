import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { createInbox } from "@waybill/outbox";
import { codeOf, followParent, tell } from "./child.ts";
import { type Address, openDatabase } from "./database.ts";
import { type Arrival, LogReader } from "./log.ts";

const BATCH = 500;
/** What a broker delivers again to a consumer that comes back. */
const REDELIVERED_BYTES = 50_000;

/** Reads the broker's log and applies each event through the inbox: `node consumer-process.ts ADDRESS LOG CHECKPOINT`. */
async function main(): Promise<void> {
  const [address = "", log = "", checkpoint = ""] = process.argv.slice(2);
  process.once("SIGTERM", () => process.exit(0));
  followParent();
  const { store, query } = openDatabase(JSON.parse(address) as Address);
  const inbox = createInbox({ store });
  const from = existsSync(checkpoint) ? Number(readFileSync(checkpoint, "utf8")) : 0;
  const reader = new LogReader(log, Math.max(0, from - REDELIVERED_BYTES));
  // The first line may be a torn one; its event was processed long ago.
  let skip = reader.position > 0 ? 1 : 0;
  tell({ ready: true });

  const process_ = async (arrivals: readonly Arrival[]) => {
    const items = arrivals.map((arrival) => ({
      ...arrival,
      key: { topic: "steps", subscription: "books", source: "/chaos", id: arrival.id },
    }));
    const outcomes = await inbox.processBatch(
      items,
      async (tx, fresh) => {
        const tuples = fresh.map(() => "(?, ?, ?)").join(", ");
        const values = fresh.flatMap(({ id, name, version }) => [id, name, version]);
        await query(tx, `INSERT INTO effect (id, name, version) VALUES ${tuples}`, values);
      },
      AbortSignal.timeout(60_000),
    );
    const failed = outcomes.find(({ kind }) => kind === "failed" || kind === "busy");
    if (failed !== undefined) throw failed.kind === "failed" ? failed.error : new Error("busy");
    tell({ done: outcomes.filter(({ kind }) => kind === "processed").length });
  };

  for (;;) {
    const arrivals = reader.next().slice(skip);
    skip = 0;
    if (arrivals.length === 0) await sleep(20);
    for (let at = 0; at < arrivals.length; ) {
      try {
        await process_(arrivals.slice(at, at + BATCH));
        at += BATCH;
      } catch (error) {
        // All of it comes again.
        tell({ trouble: `consumer: ${codeOf(error)}` });
        await sleep(100);
      }
    }
    writeFileSync(`${checkpoint}.new`, `${reader.position}`);
    renameSync(`${checkpoint}.new`, checkpoint);
  }
}

void main();
