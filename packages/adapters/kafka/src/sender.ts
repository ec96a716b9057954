import { done, type OutboundMessage, type Outcome, type Sender, unlessAborted } from "@waybill/core/spi";
import { senderCapabilities } from "./capabilities.ts";
import { failedCall, isOfOneRecord } from "./classify.ts";
import { type OutboundRecord, PartlySent } from "./engine/engine.ts";
import { kafkaErrors } from "./errors.ts";
import { measure, toRecord } from "./mapping.ts";
import { createPartitioner } from "./partitioner.ts";
import type { Producers } from "./producers.ts";

export interface SenderOptions {
  readonly topic: string;
  readonly maxMessageBytes: number;
  readonly producers: Producers;
  /** How many partitions the topic has by now; asked before each send, and cheap. */
  readonly partitionCount: () => number;
}

/** Sends batches to one topic, one at a time: kafkajs swaps the order of concurrent sends without any error. */
export function createSender(options: SenderOptions): Sender {
  const { topic, maxMessageBytes, producers } = options;
  const capabilities = senderCapabilities(maxMessageBytes);
  const choose = createPartitioner();
  let open = true;
  /** What was sent last, also when its caller has given it up: the next batch must not pass it. */
  let before: Promise<unknown> = Promise.resolve();

  const refusalOf = (message: OutboundMessage, bytes: number): Outcome | undefined => {
    if (bytes > maxMessageBytes) {
      const { id } = message;
      return { ok: false, error: kafkaErrors.WB_KAFKA_TOO_LARGE({ id, bytes, maxBytes: maxMessageBytes, topic }) };
    }
    if (message.notBefore !== undefined && message.notBefore.getTime() > Date.now()) {
      return { ok: false, error: kafkaErrors.WB_KAFKA_UNSUPPORTED({ what: "hold a message back until later" }) };
    }
    return undefined;
  };

  const send = async (records: readonly OutboundRecord[]): Promise<Outcome[]> => {
    try {
      await producers.send(topic, records);
      return records.map(() => done);
    } catch (error) {
      // Such as a limit that was lowered meanwhile, or that this client may not read: only those that are too large are to hear of it.
      if (isOfOneRecord(error) && records.length > 1) return oneByOne(records);
      const failure: Outcome = { ok: false, error: failedCall("Sending to", topic, error) };
      const isLeft = ({ partition }: OutboundRecord) =>
        !(error instanceof PartlySent) || error.partitions.has(partition);
      return records.map((record) => (isLeft(record) ? failure : done));
    }
  };
  const oneByOne = async (records: readonly OutboundRecord[]): Promise<Outcome[]> => {
    const outcomes: Outcome[] = [];
    const refused = new RefusedKeys();
    for (const record of records) {
      const outcome = refused.has(record.key) ? notSent() : (await send([record]))[0]!;
      if (!outcome.ok) refused.add(record.key);
      outcomes.push(outcome);
    }
    return outcomes;
  };

  return {
    capabilities,
    measure,
    async send(messages, signal) {
      if (!open) throw kafkaErrors.WB_KAFKA_CLOSED({ what: "sender" });
      signal.throwIfAborted();
      const sizes = messages.map(measure);
      checkBatch(sizes, capabilities.maxSendBatch, capabilities.maxSendBatchBytes);
      const count = options.partitionCount();
      const outcomes: Outcome[] = new Array(messages.length);
      const records: OutboundRecord[] = [];
      const refused = new RefusedKeys();
      for (const [index, message] of messages.entries()) {
        const record = toRecord(message, (key) => choose(key, count));
        const refusal = refused.has(record.key) ? notSent() : refusalOf(message, sizes[index]!);
        if (refusal === undefined) records.push(record);
        else {
          refused.add(record.key);
          outcomes[index] = refusal;
        }
      }
      if (records.length > 0) {
        const sending = before.then(() => send(records));
        before = sending;
        const sent = await unlessAborted(sending, signal);
        if (sent === undefined)
          throw new DOMException("The send was given up; it may have reached the broker.", "AbortError");
        let next = 0;
        for (const index of messages.keys()) outcomes[index] ??= sent[next++]!;
      }
      return outcomes;
    },
    async close() {
      open = false;
    },
  };
}

/** Of one send, so that no later message of a key overtakes one that was refused. */
class RefusedKeys {
  readonly #names = new Set<string>();

  add(key: Buffer | null): void {
    if (key !== null) this.#names.add(key.toString("latin1"));
  }

  has(key: Buffer | null): boolean {
    return this.#names.size > 0 && key !== null && this.#names.has(key.toString("latin1"));
  }
}

/** Behind a refused one of its key, which it would overtake. */
function notSent(): Outcome {
  return {
    ok: false,
    error: new DOMException("It was not sent: an earlier message of its key was refused.", "AbortError"),
  };
}

/** One message that is too large alone is that message's own failure. */
function checkBatch(sizes: readonly number[], maxMessages: number, maxBytes: number): void {
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  if (sizes.length <= maxMessages && (sizes.length === 1 || bytes <= maxBytes)) return;
  const what = `take a batch of ${sizes.length} messages and ${bytes} bytes, only ${maxMessages} and ${maxBytes}`;
  throw kafkaErrors.WB_KAFKA_UNSUPPORTED({ what });
}
