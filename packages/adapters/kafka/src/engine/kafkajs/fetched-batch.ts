import type { KafkaMessage } from "kafkajs";
import type { TopicPartition } from "../engine.ts";
import { FetchedParts, type RecordsPart } from "../records/fetched-parts.ts";
import { HeaderNames } from "../records/header-names.ts";
import { RecordReader } from "../records/record-reader.ts";
import { DecodedMessages } from "./decoded-messages.ts";
import { UnreadBatch } from "./fetch-response.ts";

/** What one fetch brought of a partition. */
export class KafkajsBatch extends FetchedParts {
  /** `messages`: as kafkajs gives them, what `leaveRecords` put in their place included. */
  constructor(topic: string, partition: number, next: bigint, messages: readonly (KafkaMessage | UnreadBatch)[]) {
    const place = { topic, partition };
    super(place, next, partsOf(messages, place));
  }
}

function partsOf(messages: readonly (KafkaMessage | UnreadBatch)[], place: TopicPartition): RecordsPart[] {
  const names = new HeaderNames();
  const parts: RecordsPart[] = [];
  for (const one of messages) if (one instanceof UnreadBatch) parts.push(new RecordReader(one.batch, place, names));
  const decoded = messages.filter((one): one is KafkaMessage => !(one instanceof UnreadBatch));
  if (decoded.length > 0) parts.push(new DecodedMessages(decoded, place));
  return parts;
}
