import { type Clock, sleep } from "../clock.ts";
import type { Adapter, Receiver } from "../spi/adapter.ts";
import type { Settlement } from "../spi/delivery.ts";
import type { Lane } from "./lane.ts";
import type { Work } from "./work.ts";

export interface SettlerOptions {
  readonly receiver: Receiver;
  readonly adapter: Adapter;
  readonly clock: Clock;
  readonly settled: (work: Work, settlement: Settlement) => void;
  readonly failed: (work: Work, error: unknown, kind: string) => void;
}

interface Pending {
  readonly work: Work;
  readonly settlement: Settlement;
  tries: number;
}

/** How long acks of a lane are gathered where each settle is a round trip that covers all before it. */
const GROUP_MS = 200;
const MAX_GROUP = 1_000;
const MAX_WAIT_MS = 5_000;

/**
 * Tells the broker the outcomes, in groups: one call under way at a time, and what arrives meanwhile goes with the next. A settlement that
 * fails in passing is tried again until it works; one whose lease is lost is forgotten, for the broker delivers that message again.
 */
export class Settler {
  readonly #options: SettlerOptions;
  #pending: Pending[] = [];
  /** Lanes whose watermark has moved and has not been told. */
  #moved: Lane<Work>[] = [];
  #flushing: Promise<void> | undefined;
  readonly #abort = new AbortController();

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  add(work: Work, settlement: Settlement): void {
    this.#pending.push({ work, settlement, tries: 0 });
    this.#flushing ??= this.#flush();
  }

  /** The watermark of its lane has come to it: an ack of it covers all before it. */
  passed(work: Work): void {
    const { lane } = work;
    if (lane.passed === undefined) this.#moved.push(lane);
    lane.passed = work;
    this.#flushing ??= this.#flush();
  }

  /** Resolves when everything handed in so far has been told or given up. */
  async idle(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing;
  }

  /** Stops waiting for the broker; what is still pending is delivered again. */
  abort(): void {
    this.#abort.abort();
  }

  async #flush(): Promise<void> {
    const { receiver, clock } = this.#options;
    const { settle, settleCost } = receiver.capabilities;
    const { signal } = this.#abort;
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#waits && !signal.aborted) {
      if (settle === "upTo" && settleCost === "io" && !this.hurry) await sleep(clock, GROUP_MS, signal);
      // The receiver is closed by now, and would only say so.
      if (signal.aborted) break;
      this.#takeMoved();
      const group = this.#pending.splice(0, MAX_GROUP);
      const again = await this.#tell(settle === "upTo" ? newestOfEachLane(group) : group);
      if (again.length > 0) {
        this.#pending = again.concat(this.#pending);
        await sleep(clock, Math.min(MAX_WAIT_MS, 50 * 2 ** again[0]!.tries), signal);
      }
    }
    this.#flushing = undefined;
    // Something may have been added between the last look and here.
    if (this.#waits && !signal.aborted) this.#flushing = this.#flush();
  }

  get #waits(): boolean {
    return this.#pending.length > 0 || this.#moved.length > 0;
  }

  #takeMoved(): void {
    for (const lane of this.#moved) {
      const work = lane.passed!;
      lane.passed = undefined;
      this.#pending.push({ work, settlement: { delivery: work.delivery, kind: "ack" }, tries: 0 });
    }
    this.#moved = [];
  }

  /** While draining nothing is gained by gathering. */
  hurry = false;

  async #tell(group: readonly Pending[]): Promise<Pending[]> {
    const { receiver, adapter, settled, failed } = this.#options;
    const live: Pending[] = [];
    for (const pending of group) {
      // Lost meanwhile; what a drain gives back is `gone` as well, and told.
      const { work, settlement } = pending;
      if (work.state !== "gone" || settlement.kind === "release") live.push(pending);
      else failed(work, new Error("The lease ended before the outcome could be told."), "lost");
    }
    if (live.length === 0) return [];
    let answers: readonly { ok: boolean; error?: unknown }[];
    try {
      answers = await receiver.settle(
        live.map(({ settlement }) => settlement),
        this.#abort.signal,
      );
    } catch (error) {
      answers = live.map(() => ({ ok: false, error }));
    }
    const again: Pending[] = [];
    for (const [index, pending] of live.entries()) {
      const answer = answers[index] ?? { ok: false, error: new Error("The adapter gave no outcome for a settlement.") };
      if (answer.ok) {
        settled(pending.work, pending.settlement);
        continue;
      }
      const kind = adapter.classify(answer.error);
      const passing = kind === "transient" || kind === "throttled" || kind === "unknown";
      if (passing && (pending.work.state !== "gone" || pending.tries < 3)) {
        pending.tries++;
        again.push(pending);
      } else failed(pending.work, answer.error, kind);
    }
    return again;
  }
}

/** An ack covers all before it in its lane. */
function newestOfEachLane(group: readonly Pending[]): readonly Pending[] {
  const newest = new Map<unknown, Pending>();
  for (const pending of group) newest.set(pending.work.lane, pending);
  return [...newest.values()];
}
