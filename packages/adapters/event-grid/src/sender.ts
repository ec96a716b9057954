import {
  type Call,
  done,
  type OutboundMessage,
  type Outcome,
  type Sender,
  type SenderCapabilities,
} from "@waybill/core/spi";
import { classify, failedCall } from "./classify.ts";
import { eventGridErrors } from "./errors.ts";
import { toDocument } from "./mapping.ts";
import type { Publish } from "./publish.ts";

export interface SenderOptions {
  /** For errors: the topic as the service knows it. */
  readonly place: string;
  readonly capabilities: SenderCapabilities;
  readonly publish: Publish;
  readonly call: Call;
  /** Rewrites a document on its way; absent: it goes as it is. */
  readonly address?: (document: Uint8Array) => Uint8Array;
  readonly closed: AbortSignal;
  close(): void;
}

/** What one request carries: document by document, and where its message stood among those that were handed in. */
interface Batch {
  readonly documents: readonly Uint8Array[];
  readonly places: readonly number[];
}

/** Sends in requests that keep within the limits; what one bad event makes the service refuse is sent again in halves, so that it alone fails. */
export function createSender(options: SenderOptions): Sender {
  const { place, capabilities, publish, call, closed, address } = options;
  const { maxMessageBytes } = capabilities;
  const written = new WeakMap<OutboundMessage, Uint8Array>();

  /** Written anew once, though it is measured before it is sent. */
  const documentOf = (message: OutboundMessage): Uint8Array => {
    if (message.eventBody === message.body && address === undefined) return toDocument(message);
    let document = written.get(message);
    if (document === undefined) {
      document = toDocument(message);
      if (address !== undefined) document = address(document);
      written.set(message, document);
    }
    return document;
  };

  const request = async (batch: Batch, outcomes: Outcome[], signal: AbortSignal): Promise<void> => {
    try {
      await call(signal, (abortSignal) => publish(batch.documents, abortSignal));
      for (const index of batch.places) outcomes[index] = done;
    } catch (error) {
      const kind = classify(error);
      if (batch.places.length > 1 && (kind === "invalid" || kind === "too-large")) {
        const half = batch.places.length >>> 1;
        await Promise.all([
          request(part(batch, 0, half), outcomes, signal),
          request(part(batch, half), outcomes, signal),
        ]);
        return;
      }
      const failure = failedCall("Publishing to", place, error);
      for (const index of batch.places) outcomes[index] = { ok: false, error: failure };
    }
  };

  return {
    capabilities,
    measure(message) {
      try {
        return sizeOf(documentOf(message));
      } catch {
        // `send` says what is wrong with it.
        return message.body?.byteLength ?? 0;
      }
    },
    async send(messages, signal) {
      closed.throwIfAborted();
      const outcomes: Outcome[] = [];
      const fit = { documents: [] as Uint8Array[], places: [] as number[] };
      for (let index = 0; index < messages.length; index++) {
        const message = messages[index]!;
        try {
          const document = documentOf(message);
          const bytes = sizeOf(document);
          if (bytes > maxMessageBytes)
            throw eventGridErrors.WB_EVENT_GRID_TOO_LARGE({ id: message.id, bytes, maxBytes: maxMessageBytes });
          fit.documents.push(document);
          fit.places.push(index);
        } catch (error) {
          outcomes[index] = { ok: false, error };
        }
      }
      for (const batch of batches(fit, capabilities)) await request(batch, outcomes, signal);
      return outcomes;
    },
    async close() {
      options.close();
    },
  };
}

/** With the comma behind it. */
const sizeOf = (document: Uint8Array) => document.byteLength + 1;

const part = ({ documents, places }: Batch, from: number, to?: number): Batch => ({
  documents: documents.slice(from, to),
  places: places.slice(from, to),
});

function* batches(all: Batch, limits: SenderCapabilities): Generator<Batch> {
  const count = all.places.length;
  for (let from = 0, to = 0; from < count; from = to) {
    let bytes = 0;
    while (to < count && to - from < limits.maxSendBatch) {
      bytes += sizeOf(all.documents[to]!);
      if (to > from && bytes > limits.maxSendBatchBytes) break;
      to++;
    }
    yield part(all, from, to);
  }
}
