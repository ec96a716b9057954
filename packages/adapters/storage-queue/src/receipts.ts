import type { DequeuedMessageItem, QueueClient } from "@azure/storage-queue";
import type { Delivery } from "@waybill/core/spi";
import { classify, failedCall } from "./classify.ts";
import { storageQueueErrors } from "./errors.ts";
import { toMessage } from "./mapping.ts";
import type { Encoding } from "./options.ts";

/**
 * The right to settle a message is its pop receipt, and every update of the message makes a new one. So two calls for one delivery must never overlap, and
 * each must use what the one before got: they queue here.
 *
 *   held ──(delete, release)──► settled
 *     └───(404, 400 mismatch)──► lost
 */
interface Held {
  receipt: string;
  state: "held" | "settled" | "lost";
  /** The last call for this delivery; the next starts after it. */
  tail: Promise<unknown>;
  /** Made only when somebody asks for `lost`. */
  abort: AbortController | undefined;
}

/** What one settlement or renewal does with the newest receipt; answers the next one, or undefined when the message is given away. */
export type ReceiptJob<T> = (receipt: string) => Promise<{ receipt: string | undefined; value: T }>;

export class Receipts {
  readonly #queue: Pick<QueueClient, "name">;
  readonly #held = new WeakMap<Delivery, Held>();

  constructor(queue: Pick<QueueClient, "name">) {
    this.#queue = queue;
  }

  /** `leaseUntilMs` is by this machine's clock: the service's own may differ. */
  hold(item: DequeuedMessageItem, encoding: Encoding, leaseUntilMs: number): Delivery {
    const held: Held = { receipt: item.popReceipt, state: "held", tail: Promise.resolve(), abort: undefined };
    const delivery: Delivery = {
      message: toMessage(item, encoding),
      deliveryCount: item.dequeueCount,
      leaseUntil: new Date(leaseUntilMs),
      raw: item,
      get lost() {
        held.abort ??= new AbortController();
        if (held.state === "lost") held.abort.abort();
        return held.abort.signal;
      },
    };
    this.#held.set(delivery, held);
    return delivery;
  }

  /** Runs `job` alone for this delivery, after those before it. Throws, kind `lost`, without a call when the delivery is not held any more. */
  use<T>(delivery: Delivery, doing: string, job: ReceiptJob<T>): Promise<T> {
    const held = this.#held.get(delivery);
    if (held === undefined) return Promise.reject(this.#lost(delivery));
    const result = held.tail.then(() => this.#run(held, delivery, doing, job));
    held.tail = result.catch(() => undefined);
    return result;
  }

  async #run<T>(held: Held, delivery: Delivery, doing: string, job: ReceiptJob<T>): Promise<T> {
    if (held.state !== "held") throw this.#lost(delivery);
    try {
      const { receipt, value } = await job(held.receipt);
      if (receipt === undefined) held.state = "settled";
      else held.receipt = receipt;
      return value;
    } catch (error) {
      if (classify(error) === "lost") {
        held.state = "lost";
        held.abort?.abort();
      }
      throw failedCall(doing, this.#queue.name, error);
    }
  }

  #lost(delivery: Delivery) {
    return storageQueueErrors.WB_STORAGE_QUEUE_LOST({ id: delivery.message.id, queue: this.#queue.name });
  }
}
