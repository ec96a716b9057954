import { type Bookkeeping, createCodec, type OutboundMessage, type Sender, type WireMessage } from "@waybill/core/spi";
import type { PulledDelivery } from "./pulled-delivery.ts";
import { tell } from "./settling.ts";

/**
 * Keeps events from their last delivery, after which the service gives them up: given back, with the process that dies, or looked at in a walk
 * through dead letters once too often.
 */
export interface LastDeliveries {
  /** Moves those to where only this subscription reads, where their count begins anew; answers the others. What cannot be moved is delivered all the same. */
  without(arrived: readonly PulledDelivery[]): Promise<readonly PulledDelivery[]>;
}

const NEVER = new AbortController().signal;

export function createLastDeliveries(maxDeliveryCount: number, sender: Sender): LastDeliveries {
  const codec = createCodec();

  /** With the attempt that this delivery would have been: the next one is it. */
  const copyOf = ({ message, deliveryCount }: PulledDelivery): OutboundMessage => {
    const { attempt = deliveryCount, ...rest } = bookkeepingOf(message);
    return codec.withBookkeeping(message, { ...rest, attempt });
  };
  const bookkeepingOf = (message: WireMessage): Bookkeeping => {
    try {
      return codec.decode(message).bookkeeping;
    } catch {
      return {};
    }
  };

  return {
    async without(arrived) {
      const last = arrived.filter(({ deliveryCount }) => deliveryCount >= maxDeliveryCount);
      if (last.length === 0) return arrived;
      const sent = await sender.send(last.map(copyOf), NEVER);
      const moved = last.filter((_, index) => sent[index]!.ok);
      const acks = moved.map((delivery) => ({ delivery, kind: "ack" }) as const);
      // One that cannot be acked comes twice.
      await tell(acks, { place: "", rejects: false }, NEVER);
      return arrived.filter((delivery) => !moved.includes(delivery));
    },
  };
}
