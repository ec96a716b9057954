import { z } from "zod";
import { choice, count, durations, fact, text } from "./fields.ts";

const sqlite = {
  store: z.literal("sqlite").describe("A file, by node:sqlite: no server."),
  path: text("The database file; a relative path counts from the config file's folder."),
};

const postgres = {
  store: z.literal("postgres").describe("PostgreSQL 13 or newer, by pg."),
  url: text("postgres://USER:PASSWORD@HOST:PORT/DATABASE. Take it from the environment."),
  maxConnections: count(1, 10_000, "Connections of its pool; each relay opens three more. Default 10."),
  schema: text("Where the tables are. Default waybill.").optional(),
  migrate: fact("Whether missing migrations are applied at start. Default true."),
};

const mysql = {
  store: z.literal("mysql").describe("MySQL 8 or MariaDB 10.6 and newer, by mysql2."),
  url: text("mysql://USER:PASSWORD@HOST:PORT/DATABASE. Take it from the environment."),
  maxConnections: count(1, 10_000, "Connections of its pool; each relay opens four more. Default 10."),
  migrate: fact("Whether missing migrations are applied at start. Default true."),
};

const redis = {
  store: z.literal("redis").describe("Redis 6 or newer, by the package redis: for effects outside a database."),
  url: text("redis://USER:PASSWORD@HOST:PORT. Take it from the environment."),
  prefix: text("Begins each key. Default waybill:inbox:.").optional(),
  ...durations({
    lease: "How long after a crash an event waits to be processed again, at least 100ms. Default 30s.",
    retain: "How long an event is remembered once done. Default 7d.",
  }),
};

const memory = {
  store: z.literal("memory").describe("This process alone; forgotten with it."),
  maxEntries: count(1, 100_000_000, "Events remembered at most. Default 200 000."),
  ...durations({
    lease: "Work that has not ended after so long counts as given up. Default 5m.",
    retain: "How long an event is remembered once done. Default 1d.",
  }),
};

const mode = choice(
  ["polling", "cdc"],
  "How relays find new rows: by reading the table, or from the write-ahead log (wal_level=logical). Default polling.",
);

export const outbox = z.discriminatedUnion(
  "store",
  [z.strictObject(sqlite), z.strictObject({ ...postgres, mode }), z.strictObject(mysql)],
  { error: "must be sqlite, postgres or mysql" },
);

export const inbox = z.discriminatedUnion(
  "store",
  [
    z.strictObject(sqlite),
    z.strictObject(postgres),
    z.strictObject(mysql),
    z.strictObject(redis),
    z.strictObject(memory),
  ],
  { error: "must be sqlite, postgres, mysql, redis or memory" },
);
