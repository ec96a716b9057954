import type { RecordsBatch } from "@platformatic/kafka";
import type { FetchedRecord } from "../engine.ts";

const IS_CONTROL = 0x20;
const IS_LOG_APPEND_TIME = 0x08;

/** What of a batch is for users, from `from` on, with copies of its bytes: what is kept would hold the whole fetch. */
export function toRecords(batch: RecordsBatch, from: bigint): FetchedRecord[] {
  if ((batch.attributes & IS_CONTROL) !== 0) return [];
  const out: FetchedRecord[] = [];
  for (const record of batch.records) {
    const offset = batch.firstOffset + BigInt(record.offsetDelta);
    // A batch that was compressed comes whole.
    if (offset < from) continue;
    const byBroker = (batch.attributes & IS_LOG_APPEND_TIME) !== 0;
    out.push({
      offset,
      timestampMs: Number(byBroker ? batch.maxTimestamp : batch.firstTimestamp + record.timestampDelta),
      key: record.key === null ? null : Buffer.from(record.key),
      value: record.value === null ? null : Buffer.from(record.value),
      headers: headersOf(record.headers),
      raw: record,
    });
  }
  return out;
}

/** Of a header that stands there more than once the last counts. One without a value says nothing. */
function headersOf(headers: RecordsBatch["records"][number]["headers"]): FetchedRecord["headers"] {
  const out = new Map<string, Buffer>();
  for (const [name, value] of headers)
    if (name !== null && value !== null) out.set(name.toString(), Buffer.from(value));
  return [...out];
}

export const nextOffset = (batch: RecordsBatch): bigint => batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n;
