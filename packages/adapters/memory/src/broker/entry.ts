import type { WireMessage } from "@waybill/core/spi";

/** A message in a queue. */
export interface Entry {
  message: WireMessage;
  /** Place in the queue. */
  readonly order: number;
  /** Worthless from then on (milliseconds since the epoch). */
  readonly expiresMs: number;
  deliveryCount: number;
  /** Not handed over before then. */
  visibleMs: number;
}

export const byOrder = (a: Entry, b: Entry): number => a.order - b.order;
export const byVisibility = (a: Entry, b: Entry): number => a.visibleMs - b.visibleMs || a.order - b.order;
