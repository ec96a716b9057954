import { setTimeout as sleep } from "node:timers/promises";
import { isWaybillError, type RawCloudEvent } from "@waybill/core";
import { createOutbox } from "@waybill/outbox";
import { codeOf, followParent, tell } from "./child.ts";
import { type Address, type Database, openDatabase } from "./database.ts";
import { seeded } from "./seeded.ts";

/** What one writer process is to do. */
export interface WriterPlan {
  readonly address: Address;
  readonly seed: number;
  /** Numbers of the writers in this process, each with a connection of its own. */
  readonly writers: readonly number[];
  /** Events that each of them commits. */
  readonly quota: number;
  readonly keys: number;
}

const MAX_EVENTS = 3;
const ROLLED_BACK = 0.1;
const PAD = "x".repeat(100);

class RollBack extends Error {}

/** Several writers: `node writer-process.ts PLAN`. Ends by itself when each has committed its quota, or is told that it is enough; begun again, it goes on where it was. */
async function main(): Promise<void> {
  const plan = JSON.parse(process.argv[2] ?? "") as WriterPlan;
  let allowed = 0;
  let mustDie = false;
  let isEnough = false;
  followParent(({ allow, die, enough }) => {
    allowed = allow ?? allowed;
    mustDie ||= die === true;
    isEnough ||= enough === true;
  });
  const database = openDatabase(plan.address, plan.writers.length + 1);
  tell({ ready: true });
  const writers = plan.writers.map((writer) =>
    write(database, plan, writer, {
      isDone: (done) => isEnough || done >= plan.quota,
      mayGoOn: (done) => done < allowed,
      mustDie: () => mustDie,
    }),
  );
  await Promise.all(writers);
  await database.store.close();
  // With it gone the channel to the parent is not in the way of the end.
  process.exit(0);
}

async function write(
  database: Database,
  plan: WriterPlan,
  writer: number,
  {
    isDone,
    mayGoOn,
    mustDie,
  }: Readonly<Record<"isDone" | "mayGoOn", (done: number) => boolean>> & {
    readonly mustDie: () => boolean;
  },
): Promise<void> {
  const { store } = database;
  const outbox = createOutbox({ store, source: "/chaos" });
  const born = Date.now().toString(36);
  const random = seeded(plan.seed, writer, Date.now());
  const committed = (where: string, value: string | number) =>
    patiently(async () => {
      const rows = await store.transaction((tx) =>
        database.query(tx, `SELECT count(*) AS n FROM entry WHERE ${where} = ?`, [value]),
      );
      return Number(rows[0]!.n);
    });
  let done = await committed("writer", writer);
  for (let n = 0; !isDone(done); n++) {
    while (!mayGoOn(done) && !mustDie()) await sleep(20);
    const names = new Set<string>();
    const count = Math.min(plan.quota - done, 1 + Math.floor(random() * MAX_EVENTS));
    while (names.size < Math.min(count, plan.keys)) names.add(`k${Math.floor(random() * plan.keys)}`);
    const id = `${writer}.${born}.${n}`;
    // In one order everywhere: no two transactions wait for each other.
    const wanted = [...names].sort().map((name, i) => ({ id: `${id}.${i}`, name }));
    try {
      await outbox.transaction(async (tx) => {
        if (random() < 0.5) await database.takeIdEarly(tx);
        if (random() < 0.05) await sleep(random() * 5);
        const events: RawCloudEvent[] = [];
        for (const { id, name } of wanted) {
          await database.query(tx, "UPDATE account SET version = version + 1 WHERE name = ?", [name]);
          const [row] = await database.query(tx, "SELECT version FROM account WHERE name = ?", [name]);
          events.push(eventOf(id, name, Number(row!.version)));
        }
        const values = events.flatMap(({ id, data }) => {
          const { name, version } = data as { name: string; version: number };
          return [id, name, version, writer];
        });
        const tuples = events.map(() => "(?, ?, ?, ?)").join(", ");
        await database.query(tx, `INSERT INTO entry (id, name, version, writer) VALUES ${tuples}`, values);
        await outbox.publishRaw(tx, "steps", events);
        if (mustDie()) process.kill(process.pid, "SIGKILL");
        if (random() < 0.05) await sleep(random() * 5);
        if (random() < ROLLED_BACK) throw new RollBack();
      });
    } catch (error) {
      if (error instanceof RollBack) continue;
      const code = codeOf(error);
      tell({ trouble: `writer: ${code}` });
      const isThere = (await committed("id", wanted[0]!.id)) > 0;
      if (!isThere) continue;
      if (!isWaybillError(error) || !error.code.endsWith("_COMMIT_UNKNOWN"))
        tell({ problem: `a transaction that failed with ${code} is committed` });
    }
    done += wanted.length;
    tell({ done: wanted.length });
  }
}

function eventOf(id: string, name: string, version: number): RawCloudEvent {
  return {
    specversion: "1.0",
    id,
    source: "/chaos",
    type: "com.example.step.taken",
    partitionkey: name,
    datacontenttype: "application/json",
    data: { name, version, pad: PAD },
  };
}

/** Asks until the database answers. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      tell({ trouble: `writer: ${codeOf(error)}` });
      await sleep(100);
    }
  }
}

void main();
