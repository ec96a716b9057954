import { batchSize, isAbort, type RecordBatch, readBatch } from "./record-batch.ts";

export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

export interface BatchInLog {
  readonly batch: RecordBatch;
  /** No consumer is to see it: transaction markers, transactions that were given up, and what compaction has left empty. */
  readonly isHidden: boolean;
}

/** The batches that a fetch brought of a partition, in the log's order. */
export function* batchesIn(records: Buffer, transactions: readonly AbortedTransaction[]): Generator<BatchInLog> {
  const isGivenUp = givenUp(transactions);
  let at = 0;
  for (let size = batchSize(records, at); size !== undefined; size = batchSize(records, at)) {
    const batch = readBatch(records, at, size);
    at += size;
    yield { batch, isHidden: isGivenUp(batch) || batch.isControl || batch.count === 0 };
  }
}

/** Asked in the log's order: whether a batch belongs to a transaction that was given up. */
function givenUp(transactions: readonly AbortedTransaction[]): (batch: RecordBatch) => boolean {
  const ahead = transactions.toSorted((a, b) => Number(b.firstOffset - a.firstOffset));
  const producers = new Set<bigint>();
  return (batch) => {
    for (let next = ahead.at(-1); next !== undefined && next.firstOffset <= batch.lastOffset; next = ahead.at(-1)) {
      producers.add(next.producerId);
      ahead.pop();
    }
    if (isAbort(batch)) return producers.delete(batch.producerId);
    return batch.isTransactional && producers.has(batch.producerId);
  };
}
