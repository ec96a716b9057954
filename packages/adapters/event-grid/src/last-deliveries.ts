import {
  type Bookkeeping,
  createCodec,
  type OutboundMessage,
  type Outcome,
  type Sender,
  type WireMessage,
} from "@waybill/core/spi";
import type { PulledDelivery } from "./pulled-delivery.ts";

/** A release, and the attempt that the next delivery is to report. */
interface Released {
  readonly delivery: PulledDelivery;
  readonly attempt?: number | undefined;
}

/** Events that the service would not deliver again if they were given back: it dead-letters them, or drops them where it has no place for that. */
export interface LastDeliveries {
  has(delivery: PulledDelivery): boolean;
  /** Copies them to where only this subscription reads, with their attempt; there the count begins anew, and at once. */
  move(released: readonly Released[], signal: AbortSignal): Promise<readonly Outcome[]>;
}

export function createLastDeliveries(maxDeliveryCount: number, sender: Sender): LastDeliveries {
  const codec = createCodec();
  const bookkeepingOf = (message: WireMessage): Bookkeeping => {
    try {
      return codec.decode(message).bookkeeping;
    } catch {
      return {};
    }
  };
  return {
    has: ({ deliveryCount }) => deliveryCount >= maxDeliveryCount,
    move: (released, signal) =>
      sender.send(
        released.map(({ delivery: { message }, attempt }): OutboundMessage => {
          const before = bookkeepingOf(message);
          return codec.withBookkeeping(message, { ...before, attempt: attempt ?? before.attempt });
        }),
        signal,
      ),
  };
}
