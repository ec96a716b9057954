import { setTimeout } from "node:timers/promises";
import type { RunningPostgres } from "../../postgres/start-postgres.ts";

export interface Contestant {
  /** Drains so many events, which it has put into the database itself. Answers events a second. */
  readonly drain: (url: string, events: number) => Promise<number>;
  /** For one that takes long: it sits out later rounds. Default: all. */
  readonly rounds?: number;
}

/**
 * The rates of several contestants, each once a round and in turn, so that whatever else the machine does meets all of them. A round before the
 * first, of a fifth of the events, is not counted: it compiles what each of them runs.
 */
export async function inTurns<Name extends string>(
  server: RunningPostgres,
  rounds: number,
  events: number,
  contestants: Readonly<Record<Name, Contestant>>,
): Promise<Record<Name, number[]>> {
  const all = Object.entries<Contestant>(contestants);
  const rates: Record<string, number[]> = Object.fromEntries(all.map(([name]) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, { drain, rounds: atMost = rounds }] of all) {
      if (round > atMost) continue;
      const rate = await inDatabase(server, (url) => drain(url, round === 0 ? events / 5 : events));
      if (round > 0) rates[name]!.push(rate);
    }
  }
  return rates as Record<Name, number[]>;
}

/** Drops the database afterwards: otherwise it would be vacuumed in the background while another contestant runs. */
export async function inDatabase<T>(server: RunningPostgres, work: (url: string) => Promise<T>): Promise<T> {
  const url = await server.database();
  try {
    return await work(url);
  } finally {
    const name = new URL(url).pathname.slice(1);
    // Connections end a moment after they were closed, and one of a replication slot keeps a database from being dropped. Whose connection is cut instead may end this process.
    const connections = `SELECT pid FROM pg_stat_activity WHERE datname = '${name}'`;
    for (let tries = 0; tries < 100; tries++) {
      if ((await server.query(connections)).length === 0) break;
      await setTimeout(50);
    }
    await server.query(`SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '${name}'`);
    await server.query(`DROP DATABASE ${name} WITH (FORCE)`);
  }
}
