import type { OutboxRow } from "../../store.ts";

/** A row as the write-ahead log brings it, with the id of its transaction. */
export interface LoggedRow extends OutboxRow {
  readonly xid: number;
}

const RELATION = 0x52;
const INSERT = 0x49;
const COMMIT = 0x43;
const NULL = 0x6e;

/** What a row is made of. */
const NEEDED = ["xid", "pos", "bucket", "topic", "key", "event"];

/** A column of the table is not published. */
export class NotPublished extends Error {}

/**
 * Reads the messages of the output plugin pgoutput, protocol version 1, of one published table of which only inserts are published.
 * https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html
 */
export class PgOutput {
  #columns: readonly string[] = [];

  /** The row of an insert; `undefined` for what is none. The buffer is not kept. Throws {@link NotPublished}. */
  read(message: Buffer): LoggedRow | undefined {
    if (describesTable(message)) {
      this.#columns = relationColumns(message);
      if (NEEDED.some((name) => !this.#columns.includes(name))) throw new NotPublished();
    }
    return message[0] === INSERT ? this.#row(message) : undefined;
  }

  #row(message: Buffer): LoggedRow {
    const values: Record<string, string | null> = {};
    // Kind, table, the letter N for the new row.
    let at = 1 + 4 + 1;
    const count = message.readUInt16BE(at);
    at += 2;
    for (let i = 0; i < count; i++) {
      const kind = message[at++];
      if (kind === NULL) {
        values[this.#columns[i]!] = null;
        continue;
      }
      const length = message.readUInt32BE(at);
      at += 4;
      values[this.#columns[i]!] = message.toString("utf8", at, at + length);
      at += length;
    }
    return {
      xid: Number(values.xid),
      position: Number(values.pos),
      bucket: Number(values.bucket),
      topic: values.topic!,
      key: values.key ?? undefined,
      event: values.event!,
      attempts: 0,
      parked: false,
      behind: false,
    };
  }
}

/** Before the first row, and again before the next one when anything about the table or its publication may have changed. */
export function describesTable(message: Buffer): boolean {
  return message[0] === RELATION;
}

/** The transaction whose rows came last is whole. */
export function endsTransaction(message: Buffer): boolean {
  return message[0] === COMMIT;
}

function relationColumns(message: Buffer): string[] {
  // Kind, table, schema, name, the letter of the replica identity.
  let at = afterText(message, afterText(message, 1 + 4)) + 1;
  const count = message.readUInt16BE(at);
  at += 2;
  const columns: string[] = [];
  for (let i = 0; i < count; i++) {
    const end = message.indexOf(0, at + 1);
    columns.push(message.toString("utf8", at + 1, end));
    // Flags and name, the type's id and modifier.
    at = end + 1 + 8;
  }
  return columns;
}

function afterText(message: Buffer, at: number): number {
  return message.indexOf(0, at) + 1;
}
