import type { Want } from "../spi/adapter.ts";
import type { Delivery } from "../spi/delivery.ts";
import { Lane } from "./lane.ts";
import type { Work } from "./work.ts";

export interface LaneLimits {
  readonly maxInFlight: number;
  readonly maxInFlightBytes: number;
  readonly maxReceiveBatch: number;
  /** Only where settling is `upTo`: how far a lane may run ahead of its watermark. */
  readonly maxAhead: number;
}

const NONE: ReadonlySet<string> = new Set();

/**
 * All lanes of a subscription: whose turn it is, and how much more may be received. What may run now counts against the budget; what waits
 * behind an earlier event of its key counts against its lane alone, and a lane that holds too much of that, or runs too far ahead of its
 * watermark, is paused. So a stuck key stops its lane at worst, never the others.
 */
export class Lanes {
  readonly #limits: LaneLimits;
  readonly #byId = new Map<string, Lane<Work>>();
  readonly #unlaned = new Lane<Work>(undefined, undefined);
  readonly #paused = new Set<string>();
  /** That of the delivery before: the next one is of the same more often than not. */
  #latest: Lane<Work> | undefined;
  /** Lanes with something ready, taken in turn. */
  #turn: Lane<Work>[] = [];
  /** Ready or running. */
  active = 0;
  activeBytes = 0;
  /** Finished, and not yet told to the broker: only where each is settled by itself. */
  settling = 0;

  constructor(limits: LaneLimits) {
    this.#limits = limits;
  }

  /** The lane of a delivery; a lane that came back after it was taken away is another one. `revoked` runs when it is taken away. */
  of(delivery: Delivery, revoked: (lane: Lane<Work>) => void): Lane<Work> {
    const id = delivery.lane;
    if (id === undefined) return this.#unlaned;
    const lost = delivery.lost;
    if (this.#latest?.id === id && this.#latest.lost === lost) return this.#latest;
    const known = this.#byId.get(id);
    if (known !== undefined) {
      if (known.lost === lost) {
        this.#latest = known;
        return known;
      }
      revoked(known);
    }
    const lane = new Lane<Work>(id, lost);
    this.#byId.set(id, lane);
    lane.onLost = () => revoked(lane);
    lost.addEventListener("abort", lane.onLost, { once: true });
    return lane;
  }

  add(work: Work, key: string | undefined): void {
    const lane = work.lane;
    if (lane.add(work, key)) this.#readied(lane, work);
    this.#judge(lane);
  }

  unpark(work: Work): void {
    work.lane.unpark(work);
    this.#readied(work.lane, work);
  }

  resume(work: Work): void {
    work.lane.resume(work);
    this.active++;
    this.activeBytes += work.bytes;
  }

  /** Takes the next delivery that may run, lane after lane. */
  next(): Work | undefined {
    for (;;) {
      const lane = this.#turn[0];
      if (lane === undefined) return undefined;
      const work = lane.takeReady();
      if (lane.ready === 0) this.#turn.shift();
      else if (this.#turn.length > 1) this.#turn.push(this.#turn.shift()!);
      if (work !== undefined) return work;
    }
  }

  /** From running to parked: another delivery may take its place. */
  park(work: Work): void {
    this.#idle(work);
    work.lane.park(work);
    this.#judge(work.lane);
  }

  /** It is finished or given up: its key goes on. */
  leave(work: Work, key: string | undefined, halt: boolean): void {
    if (work.state === "running" || work.state === "ready") this.#idle(work);
    const lane = work.lane;
    const next = lane.releaseKey(work, key, halt);
    if (next !== undefined) this.#readied(lane, next);
  }

  /** After a delivery left the list. Answers true when this unpaused its lane. */
  left(lane: Lane<Work>): boolean {
    return this.#judge(lane);
  }

  /** Forgets a lane and everything in it; what runs goes on, but nothing of it may be settled. */
  drop(lane: Lane<Work>): Work[] {
    if (lane.onLost !== undefined) lane.lost?.removeEventListener("abort", lane.onLost);
    if (this.#latest === lane) this.#latest = undefined;
    if (lane.id !== undefined && this.#byId.get(lane.id) === lane) {
      this.#byId.delete(lane.id);
      this.#paused.delete(lane.id);
    }
    const dropped: Work[] = [];
    for (const work of lane.works()) {
      if (work.state === "finished" || work.state === "gone") continue;
      this.giveUp(work);
      dropped.push(work);
    }
    return dropped;
  }

  /** It must not be settled any more: the lease is lost, or it goes back. */
  giveUp(work: Work): void {
    work.timer?.clear();
    if (work.state === "running" || work.state === "ready") this.#idle(work);
    work.lane.forget(work);
  }

  want(): Want {
    const { maxInFlight, maxInFlightBytes, maxReceiveBatch } = this.#limits;
    return {
      // Without lanes nothing can be paused, so what waits for its next attempt is bounded for the whole source.
      max: Math.min(
        maxReceiveBatch,
        maxInFlight - this.active - this.settling,
        4 * maxInFlight - this.#unlaned.blocked,
      ),
      maxBytes: maxInFlightBytes - this.activeBytes,
      pausedLanes: this.#paused.size === 0 ? NONE : this.#paused,
    };
  }

  get pausedCount(): number {
    return this.#paused.size;
  }

  *works(): Generator<Work> {
    yield* this.#unlaned.works();
    for (const lane of this.#byId.values()) yield* lane.works();
  }

  *lanes(): Generator<Lane<Work>> {
    yield this.#unlaned;
    yield* this.#byId.values();
  }

  #readied(lane: Lane<Work>, work: Work): void {
    this.active++;
    this.activeBytes += work.bytes;
    if (lane.ready === 1) this.#turn.push(lane);
  }

  #idle(work: Work): void {
    this.active--;
    this.activeBytes -= work.bytes;
  }

  #judge(lane: Lane<Work>): boolean {
    if (lane.id === undefined) return false;
    const { maxInFlight, maxInFlightBytes, maxAhead } = this.#limits;
    if (lane.paused) {
      const resumes =
        lane.blocked <= maxInFlight / 2 && lane.blockedBytes <= maxInFlightBytes / 8 && lane.length <= maxAhead / 2;
      if (!resumes) return false;
      lane.paused = false;
      this.#paused.delete(lane.id);
      return true;
    }
    if (lane.blocked >= maxInFlight || lane.blockedBytes >= maxInFlightBytes / 4 || lane.length >= maxAhead) {
      lane.paused = true;
      this.#paused.add(lane.id);
    }
    return false;
  }
}
