import type { IHeaders, KafkaMessage } from "kafkajs";
import type { FetchedRecord } from "../engine.ts";

/** With copies of its bytes: kafkajs hands out slices, and a kept one would hold the whole fetch of a megabyte. */
export function toRecord(message: KafkaMessage): FetchedRecord {
  return {
    offset: BigInt(message.offset),
    timestampMs: Number(message.timestamp),
    key: message.key === null ? null : Buffer.from(message.key),
    value: message.value === null ? null : Buffer.from(message.value),
    headers: headersOf(message.headers),
    raw: message,
  };
}

/** Of a header that stands there more than once the last counts, as in Kafka's own clients. One without a value says nothing. */
function headersOf(headers: IHeaders | undefined): FetchedRecord["headers"] {
  const out: [string, Buffer][] = [];
  for (const name in headers) {
    const given = headers[name];
    const value = Array.isArray(given) ? given.at(-1) : given;
    if (value !== undefined && value !== null) out.push([name, Buffer.from(value as Buffer)]);
  }
  return out;
}
