import type { DatabaseSync } from "node:sqlite";
import type { Outbox } from "@waybill/outbox";
import { flightDeparted, flights, type RecordedFlight } from "./events.ts";

/** A flight and its number: from 1, in the order of the file. */
interface NumberedFlight extends RecordedFlight {
  readonly flight: number;
}

export interface Departures {
  /** Writes the flights and their events: all of them, or none. */
  record(flown: readonly NumberedFlight[]): Promise<void>;
  /** Flights in the service's own table. */
  count(): Promise<number>;
}

/** The service: it knows flights and an outbox. Which broker carries the events, and whether one can be reached just now, is not its business. */
export async function openDepartures(outbox: Outbox<DatabaseSync>): Promise<Departures> {
  await outbox.transaction((tx) => {
    tx.exec(`
      CREATE TABLE IF NOT EXISTS flights (
        flight INTEGER PRIMARY KEY, date TEXT NOT NULL, origin TEXT NOT NULL, destination TEXT NOT NULL, delay REAL NOT NULL, distance REAL NOT NULL
      ) STRICT;
      CREATE TABLE IF NOT EXISTS airports (airport TEXT PRIMARY KEY, departures INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    `);
  });

  return {
    record: (flown) =>
      outbox.transaction(async (tx) => {
        const insert = tx.prepare(
          "INSERT INTO flights (flight, date, origin, destination, delay, distance) VALUES (?, ?, ?, ?, ?, ?)",
        );
        const depart = tx.prepare(`
          INSERT INTO airports (airport, departures) VALUES (?, 1)
          ON CONFLICT (airport) DO UPDATE SET departures = departures + 1 RETURNING departures
        `);
        const events = flown.map((one) => {
          insert.run(one.flight, one.date, one.origin, one.destination, one.delay, one.distance);
          const { departures } = depart.get(one.origin) as { departures: number };
          return flightDeparted({ ...one, departure: departures }, { key: one.origin, subject: String(one.flight) });
        });
        await outbox.publish(tx, flights, events);
      }),

    count: () => outbox.transaction((tx) => Number(tx.prepare("SELECT count(*) AS n FROM flights").get()?.n)),
  };
}
