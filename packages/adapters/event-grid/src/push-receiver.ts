import {
  type Delivery,
  done,
  Handoff,
  type Outcome,
  type Receiver,
  type ReceiverCapabilities,
  type Settlement,
  type WireMessage,
} from "@waybill/core/spi";
import { eventGridErrors } from "./errors.ts";
import type { Pushed, Take } from "./webhook/webhook.ts";

export interface PushReceiver extends Receiver {
  /** Resolves with the outcome of the event that came, or with `release` when nobody has told one in time. */
  readonly take: Take;
}

export interface PushReceiverOptions {
  /** For errors: topic/subscription. */
  readonly place: string;
  readonly capabilities: ReceiverCapabilities;
  close(): void;
}

/** An event that a webhook request waits with; its outcome becomes the answer. */
class PushedDelivery implements Delivery {
  readonly message: WireMessage;
  readonly deliveryCount: number;
  readonly leaseUntil: Date;
  readonly lost: AbortSignal;
  readonly raw: Pushed;
  readonly outcome: Promise<"ack" | "release">;
  /** Undefined once it has been called, or the request is over. */
  tell: ((kind: "ack" | "release") => void) | undefined;

  constructor(pushed: Pushed) {
    this.message = pushed.message;
    this.deliveryCount = pushed.deliveryCount;
    this.leaseUntil = new Date(pushed.untilMs);
    this.lost = pushed.signal;
    this.raw = pushed;
    this.outcome = new Promise((resolve) => {
      this.tell = (kind) => {
        this.tell = undefined;
        resolve(kind);
      };
    });
  }
}

/** What a webhook is sent, received as from any broker: core settles, and the settlement is the answer to the request. */
export function createPushReceiver({ place, capabilities, close }: PushReceiverOptions): PushReceiver {
  const handoff = new Handoff();
  const held = new Set<PushedDelivery>();
  let open = true;
  const checkOpen = () => {
    if (!open) throw eventGridErrors.WB_EVENT_GRID_CLOSED({ what: "receiver" });
  };

  const settleOne = (settlement: Settlement): Outcome => {
    const delivery = settlement.delivery as PushedDelivery;
    if (settlement.kind === "reject") return { ok: false, error: eventGridErrors.WB_EVENT_GRID_REJECT({ place }) };
    if (delivery.tell === undefined || delivery.lost.aborted) {
      return { ok: false, error: eventGridErrors.WB_EVENT_GRID_LOST({ id: delivery.message.id, place }) };
    }
    delivery.tell(settlement.kind);
    return done;
  };

  return {
    capabilities,
    async take(pushed) {
      if (!open) return { kind: "release" };
      const delivery = new PushedDelivery(pushed);
      const over = () => delivery.tell?.("release");
      pushed.signal.addEventListener("abort", over, { once: true });
      held.add(delivery);
      void handoff.offer([delivery], pushed.signal);
      const kind = await delivery.outcome;
      held.delete(delivery);
      pushed.signal.removeEventListener("abort", over);
      return { kind };
    },
    async receive(want, signal) {
      checkOpen();
      if (signal.aborted || want.max < 1) return [];
      return await handoff.receive(want, signal);
    },
    async settle(settlements) {
      checkOpen();
      return settlements.map(settleOne);
    },
    async close() {
      if (!open) return;
      open = false;
      handoff.discard(() => true);
      for (const delivery of held) delivery.tell?.("release");
      close();
    },
  };
}
