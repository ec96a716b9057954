import kafkajs from "kafkajs";
import type { OutboundRecord } from "../engine.ts";
import { ByteWriter } from "./byte-writer.ts";
import { crc32c } from "./crc32c.ts";

/** The version whose requests are written here; kafkajs speaks none that is newer. */
export const PRODUCE_VERSION = 7;

/** What kafkajs gives a broker to produce. */
export interface Produce {
  readonly acks: number;
  readonly timeout: number;
  readonly compression: number;
  readonly transactionalId?: string | undefined;
  readonly producerId?: { toString(): string } | undefined;
  readonly producerEpoch?: number | undefined;
  readonly topicData: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number | string;
      readonly firstSequence?: number | undefined;
      readonly messages: readonly OutboundRecord[];
    }[];
  }[];
}

const NONE = -1;
const MAGIC = 2;

/** True of what this can write: neither compressed nor part of a transaction. */
export const isPlain = ({ compression, transactionalId }: Produce): boolean =>
  compression === kafkajs.CompressionTypes.None && (transactionalId ?? null) === null;

/** The request as kafkajs encodes it. All records have the time of the encoding, for none names its own. */
export function encodeProduce(given: Produce): ByteWriter {
  const writer = new ByteWriter();
  writer.int16(NONE);
  writer.int16(given.acks);
  writer.int32(given.timeout);
  writer.int32(given.topicData.length);
  for (const { topic, partitions } of given.topicData) {
    writer.string(topic);
    writer.int32(partitions.length);
    for (const { partition, firstSequence, messages } of partitions) {
      writer.int32(Number(partition));
      const size = writer.leave(4);
      writeBatch(writer, messages, given, firstSequence ?? 0);
      writer.int32At(writer.at - size - 4, size);
    }
  }
  return writer;
}

/** A record batch of format 2. */
function writeBatch(writer: ByteWriter, records: readonly OutboundRecord[], given: Produce, firstSequence: number) {
  const nowMs = BigInt(Date.now());
  writer.int64(0n);
  const length = writer.leave(4);
  // The leader's epoch, which it sets itself.
  writer.int32(0);
  writer.int8(MAGIC);
  const crc = writer.leave(4);
  writer.int16(0);
  writer.int32(records.length - 1);
  writer.int64(nowMs);
  writer.int64(nowMs);
  writer.int64(BigInt(String(given.producerId ?? NONE)));
  writer.int16(given.producerEpoch ?? 0);
  writer.int32(firstSequence);
  writer.int32(records.length);
  for (let index = 0; index < records.length; index++) writeRecord(writer, records[index]!, index);
  writer.int32At(writer.at - length - 4, length);
  writer.int32At(crc32c(writer.slice(crc + 4)), crc);
}

function writeRecord(writer: ByteWriter, { key, value, headers }: OutboundRecord, offsetDelta: number): void {
  const from = writer.leave(2);
  // Attributes, of which there are none, and the time after the batch's.
  writer.int16(0);
  writer.varint(offsetDelta);
  writer.bytes(key);
  writer.bytes(value);
  const names = Object.keys(headers);
  writer.varint(names.length);
  for (const name of names) {
    const header = headers[name]!;
    writer.text(name);
    if (typeof header === "string") writer.text(header);
    else writer.bytes(header);
  }
  writer.lengthBefore(from);
}
