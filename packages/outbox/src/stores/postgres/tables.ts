import { outboxErrors } from "../../outbox-errors.ts";

/** The names of one store's tables, quoted, with their schema. */
export interface Tables {
  readonly schema: string;
  readonly outbox: string;
  readonly sequence: string;
  readonly scheduled: string;
  readonly retry: string;
  readonly dead: string;
  readonly sent: string;
  readonly lease: string;
  readonly relay: string;
  readonly inbox: string;
  readonly version: string;
  /** Of NOTIFY: a plain name. */
  readonly channel: string;
  /** Of the write-ahead log's rows: a plain name. */
  readonly publication: string;
  /** A name for a prepared statement of this schema. */
  statement(what: string): string;
}

/** Throws WB_OUTBOX_OPTION for a name that PostgreSQL would cut or refuse. */
export function tablesIn(schema: string): Tables {
  if (typeof schema !== "string" || schema === "" || schema.includes("\0") || Buffer.byteLength(schema) > 48) {
    throw outboxErrors.WB_OUTBOX_OPTION({ option: "schema", problem: "must be a name of 1 to 48 bytes" });
  }
  const name = (table: string) => `${quoted(schema)}.${table}`;
  return {
    schema: quoted(schema),
    outbox: name("outbox"),
    sequence: name("outbox_pos_seq"),
    scheduled: name("outbox_scheduled"),
    retry: name("outbox_retry"),
    dead: name("outbox_dead"),
    sent: name("outbox_sent"),
    lease: name("outbox_lease"),
    relay: name("outbox_relay"),
    inbox: name("inbox"),
    version: name("waybill_schema"),
    channel: `waybill.${schema}`,
    publication: `waybill_${schema}`,
    statement: (what) => `wb_${what}_${schema}`,
  };
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
