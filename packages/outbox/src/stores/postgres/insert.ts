import { joinTransaction } from "../../handles/join-transaction.ts";
import type { SqlValue } from "../../handles/sql-handle.ts";
import type { NewRow } from "../../store.ts";
import type { Tables } from "./tables.ts";

/** Statements of up to so many rows are kept prepared, one a size; a larger one is parsed each time. */
const PREPARED = 8;
/** Rows of one statement: far below the 65 535 parameters that the protocol takes. */
const CHUNK = 500;
/** Of event text in one statement: the server takes no message of a gigabyte, and neither side should hold one of that order. */
const CHUNK_CHARS = 16 * 1024 * 1024;

/** Writes rows through the caller's transaction, in order. */
export async function insertRows(tables: Tables, tx: unknown, rows: readonly NewRow[]): Promise<void> {
  const handle = joinTransaction(tx, "postgres");
  const due = rows.filter((row) => row.notBeforeMs === undefined);
  for (let from = 0; from < due.length; ) {
    const chunk = due.slice(from, chunkEnd(due, from));
    from += chunk.length;
    const values: SqlValue[] = [];
    for (const { bucket, topic, key = null, event } of chunk) values.push(bucket, topic, key, event);
    const n = chunk.length;
    await handle.execute(insertText(tables.outbox, n), values, n <= PREPARED ? tables.statement(`${n}`) : undefined);
  }
  for (const { notBeforeMs, bucket, topic, key = null, event } of rows) {
    if (notBeforeMs === undefined) continue;
    await handle.execute(
      `INSERT INTO ${tables.scheduled} (due_at, bucket, topic, key, event)
       VALUES (to_timestamp($1::float8 / 1000), $2, $3, $4, $5)`,
      [notBeforeMs, bucket, topic, key, event],
    );
  }
}

function chunkEnd(rows: readonly NewRow[], from: number): number {
  let size = rows[from]!.event.length;
  let end = from + 1;
  while (end < rows.length && end - from < CHUNK) {
    size += rows[end]!.event.length;
    if (size > CHUNK_CHARS) break;
    end++;
  }
  return end;
}

const texts = new Map<string, string>();

function insertText(table: string, rows: number): string {
  const cached = texts.get(`${rows} ${table}`);
  if (cached !== undefined) return cached;
  const tuple = (i: number) => `($${4 * i + 1}, $${4 * i + 2}, $${4 * i + 3}, $${4 * i + 4})`;
  const tuples = Array.from({ length: rows }, (_, i) => tuple(i)).join(", ");
  const text = `INSERT INTO ${table} (bucket, topic, key, event) VALUES ${tuples}`;
  texts.set(`${rows} ${table}`, text);
  return text;
}
