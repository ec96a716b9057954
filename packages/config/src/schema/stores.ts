import { z } from "zod";
import { choice, count, fact, text } from "./fields.ts";

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

const error = "must be sqlite or postgres";

const mode = choice(
  ["polling", "cdc"],
  "How relays find new rows: by reading the table, or from the write-ahead log (wal_level=logical). Default polling.",
);

export const outbox = z.discriminatedUnion("store", [z.strictObject(sqlite), z.strictObject({ ...postgres, mode })], {
  error,
});

export const inbox = z.discriminatedUnion("store", [z.strictObject(sqlite), z.strictObject(postgres)], { error });
