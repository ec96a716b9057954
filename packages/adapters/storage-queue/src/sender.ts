import type { QueueClient } from "@azure/storage-queue";
import { createCall, done, type OutboundMessage, type Outcome, type Sender } from "@waybill/core/spi";
import type { QueueAdmin } from "./admin.ts";
import { MAX_MESSAGE_BYTES, senderCapabilities } from "./capabilities.ts";
import { classify, failedCall } from "./classify.ts";
import { storageQueueErrors } from "./errors.ts";
import { createLimiter } from "./limiter.ts";
import { measure, toSeconds, toText } from "./mapping.ts";
import type { Settings } from "./options.ts";

/**
 * Writes each message to every queue given: one for each subscription of a topic. A message is taken only when every copy was; when one
 * failed, core sends the whole message again, and the other subscriptions see it twice.
 */
export function createSender(
  queues: readonly QueueClient[],
  /** Bytes of body that every message leaves free. */
  room: number,
  admin: QueueAdmin,
  settings: Pick<Settings, "encoding" | "messageTtlMs" | "requestTimeoutMs" | "sendConcurrency">,
): Sender {
  const limited = createLimiter(settings.sendConcurrency);
  const sizeOf = (message: OutboundMessage) => measure(message, settings.encoding, room);
  const closing = new AbortController();
  const call = createCall(settings.requestTimeoutMs, closing.signal);

  const copy = async (queue: QueueClient, text: string, times: Times, signal: AbortSignal): Promise<void> => {
    try {
      await call(signal, (abortSignal) => queue.sendMessage(text, { ...times, abortSignal }));
    } catch (error) {
      if (classify(error) === "not-found") admin.forget(queue.name);
      throw failedCall("Sending to", queue.name, error);
    }
  };

  const sendOne = async (message: OutboundMessage, signal: AbortSignal): Promise<Outcome> => {
    try {
      const bytes = sizeOf(message);
      if (bytes > MAX_MESSAGE_BYTES) {
        throw storageQueueErrors.WB_STORAGE_QUEUE_TOO_LARGE({ id: message.id, bytes, maxBytes: MAX_MESSAGE_BYTES });
      }
      const text = toText(message, settings.encoding);
      const times = timesOf(message, settings.messageTtlMs);
      const copies = await Promise.allSettled(queues.map((queue) => limited(() => copy(queue, text, times, signal))));
      const failed = copies.find((result) => result.status === "rejected");
      return failed === undefined ? done : { ok: false, error: failed.reason };
    } catch (error) {
      return { ok: false, error };
    }
  };

  return {
    capabilities: senderCapabilities,
    measure: sizeOf,
    async send(messages, signal) {
      closing.signal.throwIfAborted();
      await Promise.all(queues.map((queue) => admin.ensure(queue.name, signal)));
      return Promise.all(messages.map((message) => sendOne(message, signal)));
    },
    async close() {
      closing.abort(storageQueueErrors.WB_STORAGE_QUEUE_CLOSED({ what: "sender" }));
    },
  };
}

interface Times {
  /** Seconds until the message can be received. */
  readonly visibilityTimeout: number;
  /** Seconds until it is dropped; -1 never. */
  readonly messageTimeToLive: number;
}

function timesOf({ notBefore, ttlMs }: OutboundMessage, defaultTtlMs: number | undefined): Times {
  const delayMs = notBefore === undefined ? 0 : notBefore.getTime() - Date.now();
  const visibilityTimeout = toSeconds(delayMs);
  const keepMs = ttlMs ?? defaultTtlMs;
  if (keepMs === undefined) return { visibilityTimeout, messageTimeToLive: -1 };
  // The service wants the life longer than the delay, in whole seconds: rounding must not make the two equal.
  const atLeast = delayMs < keepMs ? visibilityTimeout + 1 : 1;
  return { visibilityTimeout, messageTimeToLive: Math.max(toSeconds(keepMs), atLeast) };
}
