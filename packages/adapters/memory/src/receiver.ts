import type { Delivery } from "@waybill/core/spi";
import type { Wake } from "./broker/wake.ts";
import { injected } from "./errors.ts";
import type { Link } from "./link.ts";

/** How long an idle receive waits before it answers `[]`. */
export const IDLE_WAIT_MS = 1_000;

export interface Waiting<D extends Delivery> {
  readonly link: Link;
  readonly wake: Wake;
  readonly waitMs: number;
  readonly closed: () => boolean;
  readonly take: (nowMs: number) => D[];
  readonly nextDueMs: () => number;
}

/** What every receiver's `receive` does: takes what is there, or sleeps until something comes, something falls due, or the wait is over. */
export async function receive<D extends Delivery>(parts: Waiting<D>, signal: AbortSignal): Promise<readonly D[]> {
  const { link, wake, waitMs, closed, take, nextDueMs } = parts;
  link.guard("receive");
  if (link.faults?.strikes("failReceive")) throw injected("transient", "receive");
  if (signal.aborted) return [];
  const { clock } = link.broker;
  const untilMs = clock.monotonic() + waitMs;
  for (;;) {
    const nowMs = clock.now();
    const taken = take(nowMs);
    if (taken.length > 0) return reordered(taken, link);
    const leftMs = untilMs - clock.monotonic();
    if (leftMs <= 0) return [];
    await wake.wait(clock, Math.max(0, Math.min(leftMs, nextDueMs() - nowMs)), signal);
    if (signal.aborted || closed() || link.closed) return [];
  }
}

/** With bad luck the lanes come in another order, each in its own order still; where there are none, the messages do. */
function reordered<D extends Delivery>(taken: D[], { faults }: Link): D[] {
  if (!faults?.strikes("reorderLanes")) return taken;
  const groups = new Map<unknown, D[]>();
  for (const delivery of taken) {
    const group = delivery.lane ?? delivery;
    const members = groups.get(group);
    if (members === undefined) groups.set(group, [delivery]);
    else members.push(delivery);
  }
  const order = [...groups.values()];
  for (let left = order.length - 1; left > 0; left--) {
    const other = faults.pick(left + 1);
    [order[left], order[other]] = [order[other]!, order[left]!];
  }
  return order.flat();
}
