import {
  type Call,
  type Delivery,
  done,
  type Handoff,
  type Outcome,
  type Receiver,
  type Settlement,
  type Want,
} from "@waybill/core/spi";
import { receiverCapabilities } from "./capabilities.ts";
import { failedCall } from "./classify.ts";
import { eventHubsErrors } from "./errors.ts";
import { HubDelivery } from "./hub-delivery.ts";
import type { HubReader } from "./hub-reader.ts";
import { inTime } from "./in-time.ts";
import type { Tenure } from "./partitions.ts";
import type { Positions } from "./positions.ts";

/** How long a receive waits for partitions that are still on their way. Later, whoever owns them is somebody else. */
const COLD_MS = 3_000;
const COLD_STEP_MS = 50;
/** How long `close` waits for checkpoints under way, and for the SDK to give its partitions up. */
const CLOSE_MS = 3_000;

export interface ReceiverParts {
  /** The hub of the topic, and the subscription's own retry hub where there is one. */
  readonly readers: readonly HubReader[];
  readonly readerOf: (tenure: Tenure) => HubReader;
  readonly handoff: Handoff;
  readonly positions: Positions;
  readonly call: Call;
  readonly returnTo: string | undefined;
}

export function createReceiver(parts: ReceiverParts): Receiver {
  const { readers, readerOf, handoff, positions, call, returnTo } = parts;
  const openedMs = Date.now();
  const underWay = new Set<Promise<unknown>>();
  const closing = new AbortController();
  let closed: Promise<void> | undefined;

  const own = (delivery: Delivery): HubDelivery | undefined =>
    delivery instanceof HubDelivery && delivery.handoff === handoff ? delivery : undefined;
  const lost = ({ message, tenure }: HubDelivery) =>
    eventHubsErrors.WB_EVENT_HUBS_LOST({
      id: message.id,
      hub: readerOf(tenure).hub,
      partition: tenure.partition,
    });

  /** Moves the lane's position to this delivery. The writes of a lane never overlap. */
  const move = (delivery: HubDelivery, signal: AbortSignal): Promise<Outcome> => {
    const { tenure, raw } = delivery;
    const { sequenceNumber, offset } = raw;
    const moving = tenure.tail.then(async (): Promise<Outcome> => {
      if (tenure.lost.aborted) return { ok: false, error: lost(delivery) };
      if (sequenceNumber <= tenure.acked) return done;
      const reader = readerOf(tenure);
      try {
        const position = { sequenceNumber, offset };
        const moved = await call(signal, (abort) => positions.advance(reader.place, tenure.partition, position, abort));
        // Further on than we are: a late write of the owner before us, or the owner after us, of whom we have not heard yet.
        const owned = moved === "moved" || (await call(signal, (abort) => reader.owns(tenure.partition, abort)));
        if (!owned) {
          tenure.end();
          return { ok: false, error: lost(delivery) };
        }
        tenure.acked = sequenceNumber;
        return done;
      } catch (error) {
        return {
          ok: false,
          error: failedCall("Writing the checkpoint of partition", `${tenure.partition} of hub ${reader.hub}`, error),
        };
      }
    });
    tenure.tail = moving;
    return moving;
  };

  const settle = async (settlements: readonly Settlement[], signal: AbortSignal): Promise<readonly Outcome[]> => {
    const outcomes: Outcome[] = settlements.map(() => done);
    const newest = new Map<Tenure, HubDelivery>();
    for (const [index, { delivery, kind }] of settlements.entries()) {
      const at = own(delivery);
      const failed = (error: unknown) => {
        outcomes[index] = { ok: false, error };
      };
      if (closed !== undefined) failed(eventHubsErrors.WB_EVENT_HUBS_CLOSED({ what: "receiver" }));
      else if (at === undefined || at.tenure.lost.aborted) failed(lostOrForeign(delivery, at));
      else if (kind !== "ack") failed(eventHubsErrors.WB_EVENT_HUBS_SETTLE({ hub: readerOf(at.tenure).hub, kind }));
      else if ((newest.get(at.tenure)?.raw.sequenceNumber ?? -1) < at.raw.sequenceNumber) newest.set(at.tenure, at);
    }
    const moved = new Map<Tenure, Outcome>();
    await Promise.all(
      [...newest].map(async ([tenure, at]) => {
        moved.set(tenure, await move(at, signal));
      }),
    );
    // An ack covers all before it in its lane: each shares the answer for the newest.
    for (const [index, { delivery }] of settlements.entries()) {
      const tenure = own(delivery)?.tenure;
      const outcome = tenure === undefined ? undefined : moved.get(tenure);
      if (outcomes[index]?.ok === true && outcome !== undefined) outcomes[index] = outcome;
    }
    return outcomes;
  };

  const lostOrForeign = (delivery: Delivery, at: HubDelivery | undefined) =>
    at === undefined
      ? eventHubsErrors.WB_EVENT_HUBS_LOST({
          id: delivery.message.id,
          hub: readers[0]?.hub ?? "",
          partition: delivery.lane ?? "",
        })
      : lost(at);

  const finishing = <T>(work: Promise<T>): Promise<T> => {
    const tracked = work.finally(() => underWay.delete(tracked));
    underWay.add(tracked);
    return tracked;
  };

  const receive = async (want: Want, signal: AbortSignal): Promise<readonly Delivery[]> => {
    if (want.max < 1) return [];
    const capped = { ...want, max: Math.min(want.max, receiverCapabilities.maxReceiveBatch) };
    const isCold = () => Date.now() - openedMs < COLD_MS && readers.some((reader) => reader.isCold);
    while (isCold() && !signal.aborted) {
      const early = await handoff.receive(capped, signal, COLD_STEP_MS);
      if (early.length > 0) return early;
    }
    return handoff.receive(capped, signal);
  };

  const close = async () => {
    await inTime(Promise.allSettled(underWay), CLOSE_MS);
    closing.abort();
    await inTime(Promise.all(readers.map((reader) => reader.close())), CLOSE_MS);
  };

  return {
    capabilities: receiverCapabilities,
    returnTo,
    async receive(want, signal) {
      if (closed !== undefined) throw eventHubsErrors.WB_EVENT_HUBS_CLOSED({ what: "receiver" });
      const found = await receive(want, AbortSignal.any([signal, closing.signal]));
      // What was taken as it closed belongs to the next owner.
      return closed === undefined ? found : [];
    },
    settle: (settlements, signal) => finishing(settle(settlements, signal)),
    close() {
      closed ??= close();
      return closed;
    },
  };
}
