import type { QueueClient } from "@azure/storage-queue";
import {
  createCall,
  type Delivery,
  done,
  type Outcome,
  type Receiver,
  type Settlement,
  sleep,
  systemClock,
  unlessAborted,
  type Want,
} from "@waybill/core/spi";
import type { QueueAdmin } from "./admin.ts";
import { attemptText } from "./attempt-text.ts";
import { MAX_MESSAGE_BYTES, MAX_PER_CALL, MAX_VISIBILITY_S, receiverCapabilities } from "./capabilities.ts";
import { classify, failedCall } from "./classify.ts";
import { storageQueueErrors } from "./errors.ts";
import { createLimiter } from "./limiter.ts";
import { toSeconds } from "./mapping.ts";
import type { Settings } from "./options.ts";
import { PollPause } from "./poll-pause.ts";
import { Receipts } from "./receipts.ts";

/** How long `close` waits for settlements under way, and for what an aborted `receive` still has to give back. */
const CLOSE_MS = 2_000;

export interface ReceiverOptions {
  readonly queue: QueueClient;
  readonly admin: QueueAdmin;
  readonly settings: Pick<
    Settings,
    "encoding" | "visibilityMs" | "maxPollMs" | "requestTimeoutMs" | "settleConcurrency"
  >;
  readonly returnTo: string;
  /** A queue that is not there is empty: nothing has been put into it yet. */
  readonly missingIsEmpty?: boolean;
}

export function createReceiver(options: ReceiverOptions): Receiver {
  const { queue, admin, settings, returnTo, missingIsEmpty = false } = options;
  const visibilityS = settings.visibilityMs / 1_000;
  const capabilities = receiverCapabilities(settings.visibilityMs);
  const receipts = new Receipts(queue);
  const pause = new PollPause(settings.maxPollMs);
  const limited = createLimiter(settings.settleConcurrency);
  const closing = new AbortController();
  const call = createCall(settings.requestTimeoutMs, closing.signal);
  const closed = () => storageQueueErrors.WB_STORAGE_QUEUE_CLOSED({ what: "receiver" });
  const underWay = new Set<Promise<unknown>>();
  let open = true;

  const fetch = async (max: number): Promise<readonly Delivery[]> => {
    const leaseUntilMs = Date.now() + settings.visibilityMs;
    try {
      // Not the caller's signal: what the broker has already handed out would stay hidden.
      const answer = await call(undefined, (abortSignal) =>
        queue.receiveMessages({ numberOfMessages: max, visibilityTimeout: visibilityS, abortSignal }),
      );
      const found = answer.receivedMessageItems.map((item) => receipts.hold(item, settings.encoding, leaseUntilMs));
      pause.found(found.length);
      return found;
    } catch (error) {
      if (classify(error) === "not-found") {
        if (missingIsEmpty) {
          pause.found(0);
          return [];
        }
        admin.forget(queue.name);
      }
      throw failedCall("Receiving from", queue.name, error);
    }
  };

  const hide = (delivery: Delivery, text: string | undefined, seconds: number, signal?: AbortSignal) =>
    receipts.use(delivery, "Releasing to", async (receipt) => {
      // The visibility is always given: left out, the SDK makes it 0.
      await call(signal, (abortSignal) =>
        queue.updateMessage(delivery.message.id, receipt, text, seconds, { abortSignal }),
      );
      return { receipt: undefined, value: undefined };
    });

  /** `false` when the signal aborted meanwhile. */
  const ensured = async (signal: AbortSignal): Promise<boolean> => {
    try {
      await admin.ensure(queue.name, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    return !signal.aborted;
  };

  const giveBack = async (fetching: Promise<readonly Delivery[]>) => {
    const found = await fetching.catch(() => []);
    // What cannot be given back comes back when its visibility ends.
    await Promise.allSettled(found.map((delivery) => limited(() => hide(delivery, undefined, 0))));
  };

  const settleOne = async (settlement: Settlement, signal: AbortSignal): Promise<undefined> => {
    const { delivery } = settlement;
    if (settlement.kind === "reject") throw storageQueueErrors.WB_STORAGE_QUEUE_REJECT({ queue: queue.name });
    if (settlement.kind === "ack") {
      return receipts.use(delivery, "Deleting from", async (receipt) => {
        await call(signal, (abortSignal) => queue.deleteMessage(delivery.message.id, receipt, { abortSignal }));
        return { receipt: undefined, value: undefined };
      });
    }
    const { attempt, delayMs } = settlement;
    const text = attempt === undefined ? undefined : attemptText(delivery.message, attempt, settings.encoding);
    return hide(delivery, text, Math.min(MAX_VISIBILITY_S, toSeconds(delayMs)), signal);
  };

  const renewOne = (delivery: Delivery, signal: AbortSignal): Promise<Date> =>
    receipts.use(delivery, "Renewing in", async (receipt) => {
      const until = new Date(Date.now() + settings.visibilityMs);
      const answer = await call(signal, (abortSignal) =>
        queue.updateMessage(delivery.message.id, receipt, undefined, visibilityS, { abortSignal }),
      );
      return { receipt: answer.popReceipt ?? receipt, value: until };
    });

  const checkOpen = () => {
    if (!open) throw closed();
  };

  const finishing = <T>(work: Promise<T>): Promise<T> => {
    const tracked = work.finally(() => underWay.delete(tracked));
    underWay.add(tracked);
    return tracked;
  };

  return {
    capabilities,
    returnTo,
    async receive(want, signal) {
      checkOpen();
      const waitMs = pause.nextMs;
      if (waitMs > 0) await sleep(systemClock, waitMs, signal);
      if (signal.aborted || want.max < 1) return [];
      if (!missingIsEmpty && !(await ensured(signal))) return [];
      const fetching = fetch(countFor(want)).catch((error: unknown) => {
        pause.found(0);
        throw error;
      });
      const found = await unlessAborted(fetching, signal);
      if (found !== undefined) return found;
      void finishing(giveBack(fetching));
      return [];
    },
    settle(settlements, signal) {
      return finishing(
        outcomes(settlements, (settlement) => {
          checkOpen();
          return limited(() => settleOne(settlement, signal));
        }),
      );
    },
    renew(deliveries, signal) {
      return outcomes(deliveries, (delivery) => {
        checkOpen();
        return limited(() => renewOne(delivery, signal));
      });
    },
    async close() {
      open = false;
      const timer = setTimeout(() => closing.abort(closed()), CLOSE_MS);
      await Promise.allSettled(underWay);
      clearTimeout(timer);
      closing.abort(closed());
    },
  };
}

/** The service counts messages, core also bytes: so many that even the largest keep within them. */
function countFor(want: Want): number {
  const byBytes = Math.floor(want.maxBytes / MAX_MESSAGE_BYTES);
  return Math.max(1, Math.min(want.max, byBytes, MAX_PER_CALL));
}

/** Runs all side by side; each answers for itself. */
function outcomes<T, R>(items: readonly T[], run: (item: T) => Promise<R>): Promise<Outcome<R>[]> {
  return Promise.all(
    items.map(async (item): Promise<Outcome<R>> => {
      try {
        const value = await run(item);
        return value === undefined ? (done as Outcome<R>) : { ok: true, value };
      } catch (error) {
        return { ok: false, error };
      }
    }),
  );
}
