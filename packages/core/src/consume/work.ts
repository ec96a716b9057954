import type { Timer } from "../clock.ts";
import type { Delivery } from "../spi/delivery.ts";
import type { DeliveryContext } from "./context.ts";
import type { Lane } from "./lane.ts";

/**
 * Where a delivery stands.
 *
 * - `blocked`: behind an earlier event of its key. → `ready` when that one is finished.
 * - `ready`: waits for a free handler. → `running`
 * - `running`: its handler is at work, or its dead letter is being written. → `parked`, `finished`
 * - `parked`: waits for its next attempt in this process; its key waits with it. → `ready`
 * - `finished`: nothing more to do but to settle it.
 * - `gone`: the lease is lost or it was given back: whatever still happens to it must not be told to the broker.
 */
export type WorkState = "blocked" | "ready" | "running" | "parked" | "finished" | "gone";

/** One delivery on its way through a subscription. */
export interface Work {
  readonly delivery: Delivery;
  readonly lane: Lane;
  readonly bytes: number;
  state: WorkState;
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
  /** Neighbours in the lane, in arrival order. */
  previous: Work | undefined;
  next: Work | undefined;
  /** The next event of the same key. */
  nextOfKey: Work | undefined;
}

export function createWork(delivery: Delivery, lane: Lane): Work {
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
