import type { Delivery, Want, WireMessage } from "@waybill/core/spi";
import type { Log, LogReader } from "./log.ts";
import { crossesChunk, type Partition } from "./partition.ts";
import { Tenure } from "./tenure.ts";
import { Wake } from "./wake.ts";

/** One reader of a group; several of them share its lanes. */
export interface Member {
  readonly lanes: GroupLane[];
  /** It died without leaving: its lanes stay with it until then (milliseconds since the epoch). */
  goneMs: number | undefined;
  /** Whose turn it is. */
  turn: number;
}

export interface GroupLane {
  readonly id: string;
  readonly log: Log;
  readonly partition: Partition;
  /** Everything before it is done. */
  committed: number;
  /** The next offset to hand over. */
  next: number;
  tenure: Tenure | undefined;
}

/** A message read from a lane. Its signal is the lane's. */
export class LogDelivery implements Delivery {
  readonly message: WireMessage;
  readonly lane: string;
  readonly offset: number;
  readonly tenure: Tenure;
  readonly source: GroupLane;

  constructor(message: WireMessage, offset: number, tenure: Tenure, source: GroupLane) {
    this.message = message;
    this.lane = source.id;
    this.offset = offset;
    this.tenure = tenure;
    this.source = source;
  }

  get lost(): AbortSignal {
    return this.tenure.lost;
  }

  get raw(): { topic: string; partition: number; offset: number } {
    return { topic: this.source.log.name, partition: this.source.partition.index, offset: this.offset };
  }
}

/**
 * A subscription to logs: one committed position for each lane, and the members that share the lanes. When members come or go, as few lanes
 * move as evenness allows; a lane that moves is read again from its committed position.
 */
export class Group implements LogReader {
  /** Logical: `orders/billing`. */
  readonly source: string;
  readonly wake = new Wake();
  readonly logs: Log[] = [];
  readonly lanes: GroupLane[] = [];
  readonly members: Member[] = [];
  readonly #byPartition = new Map<Partition, GroupLane>();
  /** A declared group keeps everything; its position is settled when the first reader opens it. */
  positioned = false;

  constructor(source: string) {
    this.source = source;
  }

  /** Reads one more log from its beginning. */
  attach(log: Log): void {
    if (log.groups.has(this)) return;
    log.groups.add(this);
    this.logs.push(log);
    for (const partition of log.partitions) {
      const { start } = partition;
      const lane: GroupLane = {
        id: `${log.name}/${partition.index}`,
        log,
        partition,
        committed: start,
        next: start,
        tenure: undefined,
      };
      this.lanes.push(lane);
      this.#byPartition.set(partition, lane);
    }
  }

  /** Sets the position of a group that has none yet. */
  position(log: Log, startFrom: "earliest" | "latest"): void {
    if (this.positioned) return;
    this.positioned = true;
    if (startFrom === "earliest") return;
    for (const lane of this.lanes) {
      if (lane.log === log) lane.committed = lane.partition.end;
    }
  }

  /** Messages that are not committed. */
  get backlog(): number {
    let events = 0;
    for (const { partition, committed } of this.lanes) events += partition.end - Math.max(committed, partition.start);
    for (const log of this.logs) events += log.scheduled;
    return events;
  }

  /** When the broker took the oldest message that is not committed. */
  oldestMs(): number | undefined {
    let oldest: number | undefined;
    for (const { partition, committed } of this.lanes) {
      const offset = Math.max(committed, partition.start);
      if (offset >= partition.end) continue;
      const { timeMs } = partition.at(offset);
      if (timeMs !== undefined) oldest = Math.min(oldest ?? timeMs, timeMs);
    }
    return oldest;
  }

  /** The lane that has handed out, and not committed, a message of that id. */
  laneHolding(id: string): GroupLane | undefined {
    return this.lanes.find(({ partition, committed, next, tenure }) => {
      if (tenure === undefined) return false;
      for (let offset = committed; offset < next; offset++) if (partition.at(offset).id === id) return true;
      return false;
    });
  }

  committedOf(partition: Partition): number {
    return this.#byPartition.get(partition)?.committed ?? partition.end;
  }

  join(): Member {
    const member: Member = { lanes: [], goneMs: undefined, turn: 0 };
    this.members.push(member);
    this.rebalance();
    return member;
  }

  leave(member: Member): void {
    const index = this.members.indexOf(member);
    if (index < 0) return;
    this.members.splice(index, 1);
    for (const lane of member.lanes.splice(0)) revoke(lane);
    this.rebalance();
  }

  /** Takes all lanes away at once and hands them out again, beginning with the next member. */
  shuffle(): void {
    for (const member of this.members) for (const lane of member.lanes.splice(0)) revoke(lane);
    const first = this.members.shift();
    if (first !== undefined) this.members.push(first);
    this.rebalance();
  }

  /** Takes one lane away; it is assigned again at once, and read again from its committed position. */
  revokeLane(lane: GroupLane): void {
    for (const member of this.members) {
      const index = member.lanes.indexOf(lane);
      if (index >= 0) member.lanes.splice(index, 1);
    }
    revoke(lane);
    this.rebalance();
  }

  /** The member loses all it held and begins again. */
  restart(member: Member): void {
    for (const lane of member.lanes.splice(0)) revoke(lane);
    this.rebalance();
  }

  /** When the next crashed member's lanes become free. */
  get nextGoneMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const member of this.members) if (member.goneMs !== undefined) next = Math.min(next, member.goneMs);
    return next;
  }

  /** Brings everything up to `nowMs`: what is due, and who is gone. */
  tick(nowMs: number): void {
    for (const member of [...this.members])
      if (member.goneMs !== undefined && member.goneMs <= nowMs) this.leave(member);
    for (const log of this.logs) {
      if (log.nextDueMs > nowMs) continue;
      log.promote(nowMs);
      log.wake();
    }
  }

  get nextDueMs(): number {
    let due = this.nextGoneMs;
    for (const log of this.logs) due = Math.min(due, log.nextDueMs);
    return due;
  }

  /** Reads on in the member's lanes, in turn. At least one message always fits the bytes. */
  take(member: Member, want: Want, max: number): LogDelivery[] {
    const out: LogDelivery[] = [];
    const { lanes } = member;
    const paused = want.pausedLanes;
    let left = want.maxBytes;
    for (let turn = 0; turn < lanes.length && out.length < max; turn++) {
      const lane = lanes[member.turn++ % lanes.length]!;
      const { partition, tenure } = lane;
      if (lane.next >= partition.end || tenure === undefined) continue;
      if (paused.size > 0 && paused.has(lane.id)) continue;
      const stop = Math.min(partition.end, lane.next + max - out.length);
      while (lane.next < stop) {
        const message = partition.at(lane.next);
        left -= message.body === null ? 0 : message.body.byteLength;
        if (left < 0 && out.length > 0) return out;
        out.push(new LogDelivery(message, lane.next++, tenure, lane));
      }
    }
    return out;
  }

  /** Everything of the delivery's lane up to it is done. False when the lane is no longer its reader's. */
  commit(delivery: LogDelivery): boolean {
    if (delivery.tenure.over) return false;
    const lane = delivery.source;
    const before = lane.committed;
    const after = delivery.offset + 1;
    if (after <= before) return true;
    lane.committed = after;
    if (crossesChunk(before, after)) lane.log.trim(lane.partition);
    return true;
  }

  /** Spreads the lanes of each log evenly, for a log's lanes are what carries its load. */
  rebalance(): void {
    const live = this.members.filter(({ goneMs }) => goneMs === undefined);
    for (const log of this.logs) this.#spread(log, live);
    this.wake.wake();
  }

  #spread(log: Log, live: readonly Member[]): void {
    const own = (member: Member) => member.lanes.filter((lane) => lane.log === log);
    const kept = new Set<GroupLane>();
    for (const member of this.members) if (member.goneMs !== undefined) for (const lane of own(member)) kept.add(lane);
    const lanes = this.lanes.filter((lane) => lane.log === log && !kept.has(lane));
    // Who has most keeps most, so that fewer lanes move; who has least of other logs comes next.
    const ranked = [...live].sort((a, b) => own(b).length - own(a).length || a.lanes.length - b.lanes.length);
    const quota = new Map<Member, number>();
    for (const [rank, member] of ranked.entries()) {
      const share = Math.floor(lanes.length / live.length) + (rank < lanes.length % live.length ? 1 : 0);
      quota.set(member, share);
      for (const [index, lane] of own(member).entries()) {
        if (index < share) kept.add(lane);
        else {
          member.lanes.splice(member.lanes.indexOf(lane), 1);
          revoke(lane);
        }
      }
    }
    const free = lanes.filter((lane) => !kept.has(lane));
    for (const member of ranked) {
      for (let missing = quota.get(member)! - own(member).length; missing > 0; missing--) assign(free.shift()!, member);
    }
  }
}

function revoke(lane: GroupLane): void {
  const { tenure } = lane;
  lane.tenure = undefined;
  tenure?.end();
}

function assign(lane: GroupLane, member: Member): void {
  lane.committed = Math.max(lane.committed, lane.partition.start);
  lane.next = lane.committed;
  lane.tenure = new Tenure(lane.id);
  member.lanes.push(lane);
}
