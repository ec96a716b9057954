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
import { type EventDocument, toDocument } from "./mapping.ts";
import type { Publish } from "./publish.ts";

export interface SenderOptions {
  /** For errors: the topic as the service knows it. */
  readonly place: string;
  readonly capabilities: SenderCapabilities;
  readonly publish: Publish;
  readonly call: Call;
  /** Rewrites a document on its way; absent: it goes as it is. */
  readonly address?: (document: EventDocument) => EventDocument;
  readonly closed: AbortSignal;
  close(): void;
}

interface Addressed {
  readonly index: number;
  readonly document: EventDocument;
}

/** Sends in requests that keep within the limits; what one bad event makes the service refuse is sent again in halves, so that it alone fails. */
export function createSender(options: SenderOptions): Sender {
  const { place, capabilities, publish, call, closed, address } = options;
  const { maxMessageBytes } = capabilities;
  const written = new WeakMap<OutboundMessage, EventDocument>();

  /** Written anew once, though it is measured before it is sent. */
  const documentOf = (message: OutboundMessage): EventDocument => {
    if (message.eventBody === message.body && address === undefined) return toDocument(message);
    let document = written.get(message);
    if (document === undefined) {
      document = toDocument(message);
      if (address !== undefined) document = address(document);
      written.set(message, document);
    }
    return document;
  };

  const request = async (batch: readonly Addressed[], outcomes: Outcome[], signal: AbortSignal): Promise<void> => {
    try {
      await call(signal, (abortSignal) =>
        publish(
          batch.map(({ document }) => document),
          abortSignal,
        ),
      );
      for (const { index } of batch) outcomes[index] = done;
    } catch (error) {
      const kind = classify(error);
      if (batch.length > 1 && (kind === "invalid" || kind === "too-large")) {
        const half = batch.length >>> 1;
        await Promise.all([
          request(batch.slice(0, half), outcomes, signal),
          request(batch.slice(half), outcomes, signal),
        ]);
        return;
      }
      const failure = failedCall("Publishing to", place, error);
      for (const { index } of batch) outcomes[index] = { ok: false, error: failure };
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
      const fit: Addressed[] = [];
      for (const [index, message] of messages.entries()) {
        try {
          const document = documentOf(message);
          const bytes = sizeOf(document);
          if (bytes > maxMessageBytes)
            throw eventGridErrors.WB_EVENT_GRID_TOO_LARGE({ id: message.id, bytes, maxBytes: maxMessageBytes });
          fit.push({ index, document });
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
const sizeOf = ({ body }: EventDocument) => body.byteLength + 1;

function* batches(all: readonly Addressed[], limits: SenderCapabilities): Generator<readonly Addressed[]> {
  for (let from = 0, to = 0; from < all.length; from = to) {
    let bytes = 0;
    while (to < all.length && to - from < limits.maxSendBatch) {
      bytes += sizeOf(all[to]!.document);
      if (to > from && bytes > limits.maxSendBatchBytes) break;
      to++;
    }
    yield all.slice(from, to);
  }
}
