import type { Timer } from "../clock.ts";
import type { Delivery } from "../spi/delivery.ts";
import type { DeliveryContext } from "./context.ts";
import type { InLane, Lane } from "./lane.ts";

/** One delivery on its way through a subscription. */
export interface Work extends InLane<Work> {
  readonly delivery: Delivery;
  readonly lane: Lane<Work>;
  /** From 1; 0 before the first try in this process. */
  attempt: number;
  redrives: number;
  firstFailure: string | undefined;
  leaseUntilMs: number;
  startedMs: number;
  context: DeliveryContext | undefined;
  timer: Timer | undefined;
  /** It counts among those that are finished and not yet told. */
  counted: boolean;
  /** A copy of it is on its way; meanwhile it is parked. */
  copying: boolean;
}

export function createWork(delivery: Delivery, lane: Lane<Work>): Work {
  return {
    delivery,
    lane,
    bytes: delivery.message.body?.byteLength ?? 0,
    state: "ready",
    attempt: 0,
    redrives: 0,
    firstFailure: undefined,
    leaseUntilMs: delivery.leaseUntil?.getTime() ?? 0,
    startedMs: 0,
    context: undefined,
    timer: undefined,
    counted: false,
    copying: false,
    previous: undefined,
    next: undefined,
    nextOfKey: undefined,
  };
}
