import { joinTransaction } from "../../handles/join-transaction.ts";
import type { SqlHandle, SqlValue } from "../../handles/sql-handle.ts";
import type { NewRow } from "../../store.ts";
import { statementSize } from "./statement-size.ts";

/** Rows of one statement. */
const CHUNK = 512;
/** Of event text in one statement: below the smallest `max_allowed_packet` in use (16 MiB), hexadecimal as some libraries send it. */
const CHUNK_BYTES = 4 * 1024 * 1024;

/** Writes rows through the caller's transaction, in order. Keys and events go as bytes: no character set changes them on the way. */
export async function insertRows(tx: unknown, rows: readonly NewRow[]): Promise<void> {
  const handle = joinTransaction(tx, "mysql");
  const due = rows.filter((row) => row.notBeforeMs === undefined);
  for (let from = 0; from < due.length; ) {
    const count = chunkSize(due, from);
    await insertChunk(handle, due.slice(from, from + count));
    from += count;
  }
  for (const { notBeforeMs, bucket, topic, key, event } of rows) {
    if (notBeforeMs === undefined) continue;
    await handle.execute(
      "INSERT INTO outbox_scheduled (due_at, bucket, topic, msg_key, event) VALUES (?, ?, ?, ?, ?)",
      [notBeforeMs, bucket, topic, bytes(key), bytes(event)],
    );
  }
}

async function insertChunk(handle: SqlHandle, rows: readonly NewRow[]): Promise<void> {
  const values: SqlValue[] = [];
  for (const { bucket, topic, key, event } of rows) values.push(bucket, topic, bytes(key), bytes(event));
  const tuples = Array.from({ length: rows.length }, () => "(?, ?, ?, ?)").join(", ");
  await handle.execute(`INSERT INTO outbox (bucket, topic, msg_key, event) VALUES ${tuples}`, values);
}

function chunkSize(rows: readonly NewRow[], from: number): number {
  let size = 0;
  let count = 0;
  while (count < CHUNK && from + count < rows.length) {
    size += rows[from + count]!.event.length;
    if (count > 0 && size > CHUNK_BYTES) break;
    count++;
  }
  return statementSize(count);
}

function bytes(text: string): Buffer;
function bytes(text: string | undefined): Buffer | null;
function bytes(text: string | undefined): Buffer | null {
  return text === undefined ? null : Buffer.from(text, "utf8");
}
