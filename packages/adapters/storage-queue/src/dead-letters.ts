import type { Call, DeadLetterStore } from "@waybill/core/spi";
import { MAX_PER_CALL } from "./capabilities.ts";
import { classify, failedCall } from "./classify.ts";
import { toMessage } from "./mapping.ts";
import { createReceiver, type ReceiverOptions } from "./receiver.ts";

/** The `-poison` queue of a subscription. Where nothing was given up yet there is no queue, which reads as empty. */
export function createDeadLetters(options: ReceiverOptions, call: Call): DeadLetterStore {
  const { queue, settings } = options;
  return {
    ...createReceiver({ ...options, missingIsEmpty: true }),
    /** Sees the head of the queue and no further: the service shows up to 32 messages, and has no cursor. What is being received now is not among them. */
    async browse(max, signal) {
      if (max < 1) return [];
      try {
        const numberOfMessages = Math.min(max, MAX_PER_CALL);
        const answer = await call(signal, (abortSignal) => queue.peekMessages({ numberOfMessages, abortSignal }));
        return answer.peekedMessageItems.map((item) => toMessage(item, settings.encoding));
      } catch (error) {
        if (classify(error) === "not-found") return [];
        throw failedCall("Looking into", queue.name, error);
      }
    },
  };
}
