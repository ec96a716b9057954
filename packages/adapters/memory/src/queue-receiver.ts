import {
  type DeadLetterStore,
  type Delivery,
  done,
  type Outcome,
  ownTopic,
  type Receiver,
  type ReceiverCapabilities,
  type Settlement,
  type Source,
  type Want,
  type WireMessage,
} from "@waybill/core/spi";
import { Lease } from "./broker/lease.ts";
import type { Queue } from "./broker/queue.ts";
import { injected, memoryErrors } from "./errors.ts";
import type { Link } from "./link.ts";
import { deadLetterRecord, withAttempt } from "./mapping.ts";
import type { Settings } from "./options.ts";
import { IDLE_WAIT_MS, receive } from "./receiver.ts";

export interface QueueReceiverParts {
  readonly settings: Settings;
  readonly link: Link;
  readonly queue: Queue;
  readonly source: Omit<Source, "startFrom">;
  readonly capabilities: ReceiverCapabilities;
  /** Where rejected messages go; absent where they cannot. */
  readonly deadQueue?: (() => Queue) | undefined;
  readonly waitMs?: number;
}

/** Leases messages of one queue and settles each. */
export class QueueReceiver implements Receiver, DeadLetterStore {
  readonly capabilities: ReceiverCapabilities;
  readonly returnTo: string | undefined;
  readonly #p: QueueReceiverParts;
  #closed = false;

  constructor(parts: QueueReceiverParts) {
    const { source, settings, link, capabilities } = parts;
    this.capabilities = capabilities;
    this.returnTo = settings.profile.returnTo ? ownTopic(source.topic, source.subscription) : undefined;
    this.#p = parts;
    link.add(this);
  }

  async receive(want: Want, signal: AbortSignal): Promise<readonly Delivery[]> {
    this.#open();
    const { link, queue, waitMs = IDLE_WAIT_MS } = this.#p;
    const max = Math.min(want.max, this.capabilities.maxReceiveBatch);
    return receive(
      {
        link,
        wake: queue.wake,
        waitMs,
        closed: () => this.#closed,
        take: (nowMs) => queue.take(want, max, nowMs),
        nextDueMs: () => queue.nextDueMs,
      },
      signal,
    );
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly Outcome[]> {
    this.#open();
    const { link, queue } = this.#p;
    link.guard("settle");
    if (link.faults?.strikes("crashBeforeAck")) {
      for (const { delivery } of settlements) if (delivery instanceof Lease) queue.lose(delivery);
    }
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
    const { lease } = this.capabilities;
    const nowMs = link.broker.clock.now();
    return deliveries.map((delivery): Outcome<Date> => {
      if (lease === false || !lease.renewable) return this.#cannot("renew a lease");
      const held = this.#mine(delivery);
      if (held === undefined || !queue.renew(held, nowMs)) return lost(delivery);
      return { ok: true, value: new Date(nowMs + settings.leaseMs) };
    });
  }

  async browse(max: number): Promise<readonly WireMessage[]> {
    this.#open();
    return this.#p.queue.browse(max);
  }

  /** What is not settled comes again when its lease has ended. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#p.link.remove(this);
    this.#p.queue.wake.wake();
  }

  crash(): void {
    this.#closed = true;
    this.#p.queue.wake.wake();
  }

  #settle(settlement: Settlement, nowMs: number): Outcome {
    const { queue } = this.#p;
    const held = this.#mine(settlement.delivery);
    if (held === undefined) return lost(settlement.delivery);
    if (settlement.kind === "ack") return queue.ack(held, nowMs) ? done : lost(held);
    if (settlement.kind === "release") {
      const { keepsAttempt } = this.capabilities;
      const { attempt, delayMs } = settlement;
      const { headers } = this.#p.settings.profile.sender;
      const message =
        keepsAttempt && attempt !== undefined ? withAttempt(held.message, attempt, headers) : held.message;
      const heldBackMs = this.#delay(delayMs, held.deliveryCount);
      if (heldBackMs === undefined) return this.#cannot(`give a message back for ${delayMs} ms`);
      return queue.release(held, heldBackMs, nowMs, message) ? done : lost(held);
    }
    const { deadQueue, link } = this.#p;
    if (deadQueue === undefined) return this.#cannot("reject a message");
    if (link.broker.isDeadLetterDown)
      return { ok: false, error: injected("transient", "a write to the dead-letter place") };
    const record = deadLetterRecord(held.message, settlement.reason);
    if (!queue.ack(held, nowMs)) return lost(held);
    const dead = deadQueue();
    dead.put(record, 0, Number.POSITIVE_INFINITY);
    dead.wake.wake();
    return done;
  }

  /** How long this broker really holds a released message back; undefined where it cannot. */
  #delay(delayMs: number, deliveryCount: number): number | undefined {
    const { release } = this.capabilities;
    if (release === false) return undefined;
    if (release === "now") return 0;
    if (release === "broker") return this.#p.settings.profile.redeliverAfterMs?.(deliveryCount) ?? 0;
    if ("maxDelayMs" in release) return delayMs <= release.maxDelayMs ? delayMs : undefined;
    return release.stepsMs.find((step) => step >= delayMs) ?? release.stepsMs.at(-1);
  }

  #mine(delivery: Delivery): Lease | undefined {
    if (!(delivery instanceof Lease)) return undefined;
    if (this.#p.link.faults?.strikes("loseLease")) this.#p.queue.lose(delivery);
    return delivery.over ? undefined : delivery;
  }

  #cannot(what: string): Outcome<never> {
    return { ok: false, error: memoryErrors.WB_MEMORY_UNSUPPORTED({ like: this.#p.settings.like, what }) };
  }

  #open(): void {
    if (this.#closed) throw memoryErrors.WB_MEMORY_CLOSED({ what: "receiver" });
  }
}

function lost({ message }: Delivery): Outcome<never> {
  return { ok: false, error: memoryErrors.WB_MEMORY_LEASE_LOST({ id: message.id }) };
}
