import type { EventDataBatch } from "@azure/event-hubs";
import { type Call, done, type OutboundMessage, type Outcome, type Sender } from "@waybill/core/spi";
import { senderCapabilities } from "./capabilities.ts";
import { failedCall } from "./classify.ts";
import { eventHubsErrors } from "./errors.ts";
import { type AttributePrefix, type OutgoingEvent, partitionKeyOf, toEvent } from "./mapping.ts";
import { batchSize } from "./message-size.ts";
import type { Producers } from "./producers.ts";

export interface SenderParts {
  readonly hub: string;
  readonly producers: Producers;
  /** As the hub's link says. */
  readonly maxMessageBytes: number;
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

/**
 * Groups by partition key, which is a batch's and not an event's: the batches of one key go one after the other, those of different keys side by side.
 * When one fails, the later ones of its key are not tried, for they would overtake it.
 */
export function createSender(parts: SenderParts): Sender {
  const { hub, producers, maxMessageBytes, prefix, checkOpen, close } = parts;

  const sendKey = async (
    key: string | undefined,
    entries: readonly Entry[],
    outcomes: Outcome[],
    signal: AbortSignal,
  ) => {
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
    const newBatch = () =>
      call(signal, (abortSignal) =>
        client.createBatch({ abortSignal, ...(key === undefined ? {} : { partitionKey: key }) }),
      );
    let part: Entry[] = [];
    try {
      let batch = await newBatch();
      for (const entry of entries) {
        if (batch.tryAdd(entry.event)) {
          part.push(entry);
          continue;
        }
        if (part.length > 0) {
          await flush(batch, part);
          part = [];
          if (failure !== undefined) throw failure;
          batch = await newBatch();
          if (batch.tryAdd(entry.event)) {
            part.push(entry);
            continue;
          }
        }
        outcomes[entry.index] = { ok: false, error: tooLarge(entry.message, batchSize(entry.event, key)) };
      }
      await flush(batch, part);
    } catch (error) {
      const reason = failedCall("Sending to", `hub ${hub}`, error);
      for (const { index } of entries)
        if (outcomes[index] === undefined) outcomes[index] = { ok: false, error: reason };
    }
  };

  const tooLarge = ({ id }: OutboundMessage, bytes: number) =>
    eventHubsErrors.WB_EVENT_HUBS_TOO_LARGE({ id, bytes, maxBytes: maxMessageBytes });

  return {
    capabilities: senderCapabilities(maxMessageBytes),
    measure: (message) => batchSize(toEvent(message, prefix), partitionKeyOf(message.key)),
    async send(messages, signal) {
      checkOpen();
      const outcomes: Outcome[] = new Array(messages.length);
      const byKey = new Map<string | undefined, Entry[]>();
      for (const [index, message] of messages.entries()) {
        try {
          const key = partitionKeyOf(message.key);
          const entry = { index, message, event: toEvent(message, prefix) };
          const entries = byKey.get(key);
          if (entries === undefined) byKey.set(key, [entry]);
          else entries.push(entry);
        } catch (error) {
          outcomes[index] = { ok: false, error };
        }
      }
      await Promise.all([...byKey].map(([key, entries]) => sendKey(key, entries, outcomes, signal)));
      return outcomes;
    },
    close,
  };
}
