import type { CreateBatchOptions, EventData, EventDataBatch } from "@azure/event-hubs";
import { type Call, done, type OutboundMessage, type Outcome, type Sender } from "@waybill/core/spi";
import { senderCapabilities } from "./capabilities.ts";
import { failedCall } from "./classify.ts";
import { eventHubsErrors } from "./errors.ts";
import { type AttributePrefix, type OutgoingEvent, partitionKeyOf, toEvent } from "./mapping.ts";
import { batchSize } from "./message-size.ts";
import { partitionIdOf } from "./partition-hash.ts";
import type { Producers } from "./producers.ts";

export interface SenderParts {
  readonly hub: string;
  readonly producers: Producers;
  /** As the hub's link says. */
  readonly maxMessageBytes: number;
  /** Of the hub, whose keys are then hashed here. Undefined: the service hashes them. */
  readonly partitionCount: number | undefined;
  readonly prefix: AttributePrefix;
  readonly call: Call;
  /** Throws once the sender is closed. */
  readonly checkOpen: () => void;
  readonly close: () => Promise<void>;
}

interface Entry {
  readonly index: number;
  readonly message: OutboundMessage;
  readonly event: OutgoingEvent;
}

/** What all events of a batch share. Neither: the service chooses a partition for the batch. */
type Target = Pick<CreateBatchOptions, "partitionId" | "partitionKey">;

interface Group {
  readonly target: Target;
  readonly entries: Entry[];
}

/**
 * One AMQP batch goes to one partition, so messages are grouped by theirs. The batches of a group go one after the other, those of different groups side by
 * side. When one fails, the later ones of its group are not tried, for they would overtake it; nor, for the same reason, what stands behind a message of its
 * key that is refused.
 */
export function createSender(parts: SenderParts): Sender {
  const { hub, producers, maxMessageBytes, partitionCount, prefix, checkOpen, close } = parts;

  const targetOf = (key: string | undefined): Target => {
    const partitionKey = partitionKeyOf(key);
    if (partitionKey === undefined) return {};
    return partitionCount === undefined
      ? { partitionKey }
      : { partitionId: partitionIdOf(partitionKey, partitionCount) };
  };

  const sendGroup = async ({ target, entries }: Group, outcomes: Outcome[], signal: AbortSignal) => {
    const client = producers.get(hub);
    const call = producers.watch(client, parts.call);
    let failure: unknown;
    const flush = async (batch: EventDataBatch, part: readonly Entry[]) => {
      if (part.length === 0) return;
      try {
        await call(signal, (abortSignal) => client.sendBatch(batch, { abortSignal }));
        for (const { index } of part) outcomes[index] = done;
      } catch (error) {
        failure = failedCall("Sending to", `hub ${hub}`, error);
        for (const { index } of part) outcomes[index] = { ok: false, error: failure };
      }
    };
    const newBatch = () => call(signal, (abortSignal) => client.createBatch({ abortSignal, ...target }));
    let part: Entry[] = [];
    const refused = new Set<string>();
    try {
      let batch = await newBatch();
      for (const entry of entries) {
        const key = entry.message.key ?? "";
        if (refused.has(key)) {
          outcomes[entry.index] = notSent();
          continue;
        }
        if (batch.tryAdd(entry.event as EventData)) {
          part.push(entry);
          continue;
        }
        if (part.length > 0) {
          await flush(batch, part);
          part = [];
          if (failure !== undefined) throw failure;
          batch = await newBatch();
          if (batch.tryAdd(entry.event as EventData)) {
            part.push(entry);
            continue;
          }
        }
        outcomes[entry.index] = { ok: false, error: tooLarge(entry.message, target) };
        if (key !== "") refused.add(key);
      }
      await flush(batch, part);
    } catch (error) {
      const reason = failedCall("Sending to", `hub ${hub}`, error);
      for (const { index } of entries)
        if (outcomes[index] === undefined) outcomes[index] = { ok: false, error: reason };
    }
  };

  const tooLarge = (message: OutboundMessage, target: Target) =>
    eventHubsErrors.WB_EVENT_HUBS_TOO_LARGE({
      id: message.id,
      bytes: batchSize(message, prefix, target.partitionKey),
      maxBytes: maxMessageBytes,
    });

  return {
    capabilities: senderCapabilities(maxMessageBytes),
    // A partition that is chosen here stands on the link, and not in the event.
    measure: (message) =>
      batchSize(message, prefix, partitionCount === undefined ? partitionKeyOf(message.key) : undefined),
    async send(messages, signal) {
      checkOpen();
      const outcomes: Outcome[] = new Array(messages.length);
      const groups = new Map<string | undefined, Group>();
      const refused = new Set<string>();
      for (const [index, message] of messages.entries()) {
        const key = message.key ?? "";
        if (refused.has(key)) {
          outcomes[index] = notSent();
          continue;
        }
        try {
          const target = targetOf(message.key);
          const entry = { index, message, event: toEvent(message, prefix, target.partitionKey) };
          const name = target.partitionId ?? target.partitionKey;
          const group = groups.get(name);
          if (group === undefined) groups.set(name, { target, entries: [entry] });
          else group.entries.push(entry);
        } catch (error) {
          outcomes[index] = { ok: false, error };
          if (key !== "") refused.add(key);
        }
      }
      await Promise.all([...groups.values()].map((group) => sendGroup(group, outcomes, signal)));
      return outcomes;
    },
    close,
  };
}

/** Behind a refused one of its key, which it would overtake. */
function notSent(): Outcome {
  return {
    ok: false,
    error: new DOMException("It was not sent: an earlier message of its key was refused.", "AbortError"),
  };
}
