import type { DatabaseSync } from "node:sqlite";
import { addDecimals, decimal, decimalText } from "./decimal.ts";

/** What the consumer knows of one airport. */
export interface AirportTotal {
  readonly airport: string;
  readonly flights: number;
  /** Minutes, an exact decimal as text: a column of floats would drift. */
  readonly delay: string;
}

/**
 * `airport_totals` is what the consumer is there for. `effects` has a row for every time a departure was counted, and on purpose
 * nothing that keeps it unique: an event counted twice shows there.
 */
export function createTotals(db: DatabaseSync): void {
  db.exec(`
    CREATE TABLE IF NOT EXISTS airport_totals (
      airport TEXT PRIMARY KEY, flights INTEGER NOT NULL, delay TEXT NOT NULL,
      last_departure INTEGER NOT NULL, order_violations INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS effects (effect INTEGER PRIMARY KEY, flight INTEGER NOT NULL) STRICT;
  `);
}

/** Adds one departure, inside the transaction that is open on `db`. */
export function addDeparture(
  db: DatabaseSync,
  { flight, origin, delay, departure }: { flight: number; origin: string; delay: number; departure: number },
  { redriven }: { redriven: boolean },
): void {
  const before = db.prepare("SELECT delay, last_departure FROM airport_totals WHERE airport = ?").get(origin) as
    | { delay: string; last_departure: number }
    | undefined;
  const sum = decimalText(addDecimals(decimal(before?.delay ?? "0"), decimal(delay)));
  const last = before?.last_departure ?? 0;
  // A redriven event comes late by nature: it says nothing about order.
  const violation = !redriven && departure <= last ? 1 : 0;
  db.prepare(`
    INSERT INTO airport_totals (airport, flights, delay, last_departure, order_violations) VALUES (?, 1, ?, ?, ?)
    ON CONFLICT (airport) DO UPDATE SET flights = flights + 1, delay = excluded.delay,
      last_departure = excluded.last_departure, order_violations = order_violations + excluded.order_violations
  `).run(origin, sum, redriven ? last : Math.max(last, departure), violation);
  db.prepare("INSERT INTO effects (flight) VALUES (?)").run(flight);
}

export function readTotals(db: DatabaseSync): AirportTotal[] {
  const rows = db.prepare("SELECT airport, flights, delay FROM airport_totals ORDER BY airport").all();
  return rows.map((row) => ({ ...row }) as unknown as AirportTotal);
}

/** For looking often: the number of the last effect. */
export function countEffects(db: DatabaseSync): number {
  return Number(db.prepare("SELECT coalesce(max(effect), 0) AS n FROM effects").get()?.n);
}

/** `effects` that were made, of how many different flights, and how many of them came out of order. */
export function readEffects(db: DatabaseSync): { effects: number; distinct: number; orderViolations: number } {
  const row = db
    .prepare(`
      SELECT count(*) AS effects, count(DISTINCT flight) AS "distinct",
        (SELECT coalesce(sum(order_violations), 0) FROM airport_totals) AS orderViolations FROM effects
    `)
    .get();
  return { ...row } as unknown as { effects: number; distinct: number; orderViolations: number };
}
