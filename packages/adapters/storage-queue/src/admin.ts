import type { QueueServiceClient } from "@azure/storage-queue";
import type { Call } from "@waybill/core/spi";
import { failedCall } from "./classify.ts";
import type { Settings } from "./options.ts";

export interface QueueAdmin {
  /**
   * Makes sure that the queue exists, with one call a queue for as long as the adapter lives; does nothing where `createQueues` is false. Throws,
   * kind `transient`, while a queue of this name is still being deleted.
   */
  ensure(queue: string, signal?: AbortSignal): Promise<void>;
  /** Throws, kind `not-found`, where there is no such queue. Needs no more rights than reading does. */
  look(queue: string): Promise<void>;
  /** Somebody deleted it: the next `ensure` looks again. */
  forget(queue: string): void;
}

export function createAdmin(
  service: QueueServiceClient,
  call: Call,
  settings: Pick<Settings, "createQueues">,
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
    async look(queue) {
      try {
        await call(undefined, (abortSignal) => service.getQueueClient(queue).peekMessages({ abortSignal }));
      } catch (error) {
        throw failedCall("Looking into", queue, error);
      }
    },
    forget: (queue) => void ensured.delete(queue),
  };
}
