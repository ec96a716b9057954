import {
  type Delivery,
  done,
  type Outcome,
  ownTopic,
  type Receiver,
  type ReceiverCapabilities,
  type Settlement,
  type Source,
  type Want,
} from "@waybill/core/spi";
import type { Queue } from "./broker/queue.ts";
import { SessionDelivery, type SessionQueue } from "./broker/session-queue.ts";
import { injected, memoryErrors } from "./errors.ts";
import type { Link } from "./link.ts";
import { deadLetterRecord, withAttempt } from "./mapping.ts";
import type { Settings } from "./options.ts";
import { IDLE_WAIT_MS, receive } from "./receiver.ts";

export interface SessionReceiverParts {
  readonly settings: Settings;
  readonly link: Link;
  readonly queue: SessionQueue;
  readonly source: Source;
  readonly deadQueue: () => Queue;
}

/** Holds sessions as long as they have messages, each a lane with one lease. */
export class SessionReceiver implements Receiver {
  readonly capabilities: ReceiverCapabilities;
  readonly returnTo: string;
  readonly #p: SessionReceiverParts;
  #closed = false;

  constructor(parts: SessionReceiverParts) {
    const { settings, source, link } = parts;
    this.capabilities = settings.profile.receiver;
    this.returnTo = ownTopic(source.topic, source.subscription);
    this.#p = parts;
    link.add(this);
  }

  async receive(want: Want, signal: AbortSignal): Promise<readonly Delivery[]> {
    this.#open();
    const { link, queue } = this.#p;
    if (link.faults?.strikes("revokeLane")) queue.revokeFrom(this);
    const max = Math.min(want.max, this.capabilities.maxReceiveBatch);
    return receive(
      {
        link,
        wake: queue.wake,
        waitMs: IDLE_WAIT_MS,
        closed: () => this.#closed,
        take: (nowMs) => queue.take(this, want, max, nowMs),
        nextDueMs: () => queue.nextDueMs,
      },
      signal,
    );
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly Outcome[]> {
    this.#open();
    const { link, queue } = this.#p;
    link.guard("settle");
    if (link.faults?.strikes("crashBeforeAck")) queue.revokeFrom(this);
    if (link.faults?.strikes("failSettle")) {
      return settlements.map(() => ({ ok: false, error: injected("transient", "settle") }));
    }
    const nowMs = link.broker.clock.now();
    return settlements.map((settlement) => this.#settle(settlement, nowMs));
  }

  async renew(deliveries: readonly Delivery[]): Promise<readonly Outcome<Date>[]> {
    this.#open();
    const { link, queue, settings } = this.#p;
    link.guard("renew");
    const nowMs = link.broker.clock.now();
    return deliveries.map((delivery): Outcome<Date> => {
      const held = this.#mine(delivery);
      if (held === undefined || !queue.renew(held, nowMs)) return lost(delivery);
      return { ok: true, value: new Date(nowMs + settings.leaseMs) };
    });
  }

  /** Gives its sessions up at once. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#p.link.remove(this);
    this.#p.queue.revokeFrom(this);
    this.#p.queue.wake.wake();
  }

  crash(): void {
    this.#closed = true;
    this.#p.queue.wake.wake();
  }

  #settle(settlement: Settlement, nowMs: number): Outcome {
    const { queue, link, deadQueue } = this.#p;
    const held = this.#mine(settlement.delivery);
    if (held === undefined) return lost(settlement.delivery);
    if (settlement.kind === "ack") return queue.ack(held, nowMs) ? done : lost(held);
    if (settlement.kind === "release") {
      const { attempt } = settlement;
      const message = attempt === undefined ? held.message : withAttempt(held.message, attempt, true);
      return queue.release(held, nowMs, message) ? done : lost(held);
    }
    if (link.broker.isDeadLetterDown)
      return { ok: false, error: injected("transient", "a write to the dead-letter place") };
    const record = deadLetterRecord(held.message, settlement.reason);
    if (!queue.ack(held, nowMs)) return lost(held);
    const dead = deadQueue();
    dead.put(record, 0, Number.POSITIVE_INFINITY);
    dead.wake.wake();
    return done;
  }

  #mine(delivery: Delivery): SessionDelivery | undefined {
    if (!(delivery instanceof SessionDelivery)) return undefined;
    if (this.#p.link.faults?.strikes("loseLease")) this.#p.queue.lose(delivery);
    return delivery.tenure.over || !delivery.session.out.has(delivery) ? undefined : delivery;
  }

  #open(): void {
    if (this.#closed) throw memoryErrors.WB_MEMORY_CLOSED({ what: "receiver" });
  }
}

function lost({ message }: Delivery): Outcome<never> {
  return { ok: false, error: memoryErrors.WB_MEMORY_LEASE_LOST({ id: message.id }) };
}
