import type { RawCloudEvent } from "@waybill/core";
import { readEventText } from "./event-text.ts";
import type { DeadRow, DeadRows } from "./store.ts";

/** An event that the relay gave up, with its reason. */
export interface DeadEvent extends Omit<DeadRow, "event"> {
  /** `undefined` where the row holds no event (its `reason` is `undecodable`). */
  readonly event: RawCloudEvent | undefined;
}

export interface DeadEvents {
  /** In order of position, from the first after `after` (default 0), at most `max` (default 100). */
  list(options?: { readonly max?: number; readonly after?: number }): Promise<readonly DeadEvent[]>;
  /** Back to work, with its attempts counted anew, before all later events of its key that still wait. Answers how many were found. */
  retry(positions: number | readonly number[]): Promise<number>;
  /** Forgotten for good; a key that it halted goes on. Answers how many were found. */
  discard(positions: number | readonly number[]): Promise<number>;
  /** Events that failed and are not given up yet are tried now instead of at their time, such as once a fault is mended. Answers how many. */
  retryParked(): Promise<number>;
}

/** The operator's view of a store's dead events. */
export function deadEvents(store: { readonly dead: DeadRows }): DeadEvents {
  return {
    async list({ max = 100, after = 0 } = {}) {
      const rows = await store.dead.list({ max, after });
      return rows.map((row) => ({ ...row, event: eventOf(row) }));
    },
    retry: (positions) => store.dead.retry([positions].flat()),
    discard: (positions) => store.dead.discard([positions].flat()),
    retryParked: () => store.dead.retryParked(),
  };
}

function eventOf({ event }: DeadRow): RawCloudEvent | undefined {
  try {
    return readEventText(event);
  } catch {
    return undefined;
  }
}
