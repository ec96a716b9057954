import type { QueueServiceClient } from "@azure/storage-queue";
import { deadTopic, ownTopic } from "@waybill/core/spi";
import type { Call } from "./call.ts";
import { failedCall } from "./classify.ts";
import type { Settings } from "./options.ts";
import type { QueueNames } from "./queue-names.ts";

/** One queue that the declared subscriptions need. */
export interface PlannedQueue {
  /** `topic/subscription` or `topic/subscription/dead`. */
  readonly logical: string;
  readonly queue: string;
  readonly exists: boolean;
}

export interface QueueAdmin {
  /**
   * Makes sure that the queue exists, with one call a queue for as long as the adapter lives; does nothing where `createQueues` is false. Throws,
   * kind `transient`, while a queue of this name is still being deleted.
   */
  ensure(queue: string, signal?: AbortSignal): Promise<void>;
  /** Somebody deleted it: the next `ensure` looks again. */
  forget(queue: string): void;
  /** The queues of all declared subscriptions; changes nothing. */
  plan(signal?: AbortSignal): Promise<readonly PlannedQueue[]>;
}

export function createAdmin(
  service: QueueServiceClient,
  names: QueueNames,
  call: Call,
  settings: Pick<Settings, "createQueues" | "subscriptions">,
): QueueAdmin {
  const ensured = new Map<string, Promise<void>>();

  const create = async (queue: string) => {
    try {
      await call(undefined, (abortSignal) => service.getQueueClient(queue).createIfNotExists({ abortSignal }));
    } catch (error) {
      ensured.delete(queue);
      throw failedCall("Creating", queue, error);
    }
  };

  const exists = async (queue: string, signal: AbortSignal | undefined) => {
    try {
      return await call(signal, (abortSignal) => service.getQueueClient(queue).exists({ abortSignal }));
    } catch (error) {
      throw failedCall("Looking for", queue, error);
    }
  };

  return {
    async ensure(queue, signal) {
      if (!settings.createQueues) return;
      let under = ensured.get(queue);
      if (under === undefined) {
        // Shared by all who wait, so no caller's signal may end it.
        under = create(queue);
        // Those who wait may all leave before it fails.
        under.catch(() => undefined);
        ensured.set(queue, under);
      }
      const creating = under;
      await call(signal, () => creating);
    },
    forget: (queue) => void ensured.delete(queue),
    plan(signal) {
      const logicals = [...settings.subscriptions].flatMap(([topic, list]) =>
        list.flatMap((name) => [ownTopic(topic, name), deadTopic(topic, name)]),
      );
      return Promise.all(
        logicals.map(async (logical) => {
          const queue = names(logical);
          return { logical, queue, exists: await exists(queue, signal) };
        }),
      );
    },
  };
}
