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
import { type Group, LogDelivery, type Member } from "./broker/group.ts";
import { injected, memoryErrors } from "./errors.ts";
import type { Link } from "./link.ts";
import type { Settings } from "./options.ts";
import { IDLE_WAIT_MS, receive } from "./receiver.ts";

/** Reads the lanes that its group gives it, and commits positions. */
export class LogReceiver implements Receiver {
  readonly capabilities: ReceiverCapabilities;
  readonly returnTo: string | undefined;
  readonly #s: Settings;
  readonly #link: Link;
  readonly #group: Group;
  readonly #member: Member;
  #closed = false;

  constructor(settings: Settings, link: Link, group: Group, source: Source) {
    this.capabilities = settings.profile.receiver;
    this.returnTo = settings.profile.returnTo ? ownTopic(source.topic, source.subscription) : undefined;
    this.#s = settings;
    this.#link = link;
    this.#group = group;
    this.#member = group.join();
    link.add(this);
  }

  async receive(want: Want, signal: AbortSignal): Promise<readonly Delivery[]> {
    if (this.#closed) throw memoryErrors.WB_MEMORY_CLOSED({ what: "receiver" });
    const { faults } = this.#link;
    const group = this.#group;
    if (faults?.strikes("revokeLane") && this.#member.lanes.length > 0) {
      group.revokeLane(this.#member.lanes[faults.pick(this.#member.lanes.length)]!);
    }
    const max = Math.min(want.max, this.capabilities.maxReceiveBatch);
    return receive(
      {
        link: this.#link,
        wake: group.wake,
        waitMs: IDLE_WAIT_MS,
        closed: () => this.#closed,
        take: (nowMs) => {
          group.tick(nowMs);
          return group.take(this.#member, want, max);
        },
        nextDueMs: () => group.nextDueMs,
      },
      signal,
    );
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly Outcome[]> {
    if (this.#closed) throw memoryErrors.WB_MEMORY_CLOSED({ what: "receiver" });
    this.#link.guard("settle");
    const { faults } = this.#link;
    if (faults !== undefined) {
      if (faults.strikes("crashBeforeAck")) this.#group.restart(this.#member);
      if (faults.strikes("failSettle"))
        return settlements.map(() => ({ ok: false, error: injected("transient", "settle") }));
    }
    return settlements.map((settlement) => this.#settle(settlement));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#link.remove(this);
    this.#group.leave(this.#member);
  }

  /** The lanes stay with it until its session has run out. */
  crash(): void {
    this.#closed = true;
    this.#member.goneMs = this.#link.broker.clock.now() + this.#s.profile.sessionMs;
    this.#group.wake.wake();
  }

  #settle({ delivery, kind }: Settlement): Outcome {
    const { like } = this.#s;
    if (kind !== "ack")
      return { ok: false, error: memoryErrors.WB_MEMORY_UNSUPPORTED({ like, what: `${kind} a message` }) };
    if (delivery instanceof LogDelivery && this.#group.commit(delivery)) return done;
    return { ok: false, error: memoryErrors.WB_MEMORY_LEASE_LOST({ id: delivery.message.id }) };
  }
}
