import type { RecordsBatch } from "@platformatic/kafka";
import type { TopicPartition } from "../engine.ts";
import { FetchedParts } from "../records/fetched-parts.ts";
import { HeaderNames } from "../records/header-names.ts";
import { RecordReader } from "../records/record-reader.ts";
import { DecodedBatches } from "./decoded-batches.ts";
import { UnreadRecords } from "./fetch-response.ts";

/** What of the records that one fetch brought of a partition is for users. */
export class PlatformaticBatch extends FetchedParts {
  /** `records`: as the library gives them, or what `leaveRecords` put in their place; some. */
  constructor(place: TopicPartition, records: readonly RecordsBatch[] | UnreadRecords) {
    if (records instanceof UnreadRecords) {
      const names = new HeaderNames();
      super(
        place,
        records.next,
        records.batches.map((batch) => new RecordReader(batch, place, names)),
      );
    } else super(place, nextOffset(records.at(-1)!), [new DecodedBatches(records, place)]);
  }
}

const nextOffset = (batch: RecordsBatch) => batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n;
