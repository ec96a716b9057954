import * as library from "@platformatic/kafka";

const TOPIC_ID = "00000000-0000-4000-8000-00000000000a";

export interface AnsweredPartition {
  readonly records: Buffer;
  readonly errorCode?: number;
  readonly aborted?: readonly { readonly producerId: bigint; readonly firstOffset: bigint }[];
}

/** A broker's answer to a fetch of version 17, of one topic. */
export function answer(partitions: readonly AnsweredPartition[]): Buffer {
  const writer = library.Writer.create().appendInt32(0).appendInt16(0).appendInt32(7);
  writer.appendArray([TOPIC_ID], (topic, id) =>
    topic.appendUUID(id).appendArray([...partitions], (to, { records, errorCode = 0, aborted = [] }, index) => {
      to.appendInt32(index).appendInt16(errorCode).appendInt64(900n).appendInt64(800n).appendInt64(0n);
      to.appendArray([...aborted], (one, { producerId, firstOffset }) =>
        one.appendInt64(producerId).appendInt64(firstOffset),
      );
      to.appendInt32(-1).appendBytes(records);
    }),
  );
  return writer.appendTaggedFields().buffer;
}

export interface WrittenBatch {
  readonly firstOffset: number;
  readonly messages: readonly Pick<library.MessageRecord, "key" | "value" | "headers" | "timestamp">[];
  readonly compression?: "gzip";
  readonly producerId?: bigint;
  /** Set in the attributes on top of what the library writes. */
  readonly attributes?: number;
}

/** A batch as the library's producer writes it. */
export function batchBytes({ firstOffset, messages, compression, producerId, attributes = 0 }: WrittenBatch): Buffer {
  const written = library.createRecordsBatch(
    messages.map((message) => ({ ...message, topic: "t", partition: 0 })),
    { ...(compression === undefined ? {} : { compression }), ...(producerId === undefined ? {} : { producerId }) },
  );
  const buffer = Buffer.from(written.buffer);
  buffer.writeBigInt64BE(BigInt(firstOffset));
  buffer.writeInt16BE(buffer.readInt16BE(21) | attributes, 21);
  return buffer;
}
