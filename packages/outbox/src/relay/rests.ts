import { type Clock, redacted, type Timer } from "@waybill/core/spi";
import { Refused } from "./refused.ts";

const FIRST_MS = 100;

interface Rest {
  rounds: number;
  timer: Timer | undefined;
  readonly sinceMs: number;
  error: unknown;
}

/**
 * Topics of which nothing could be published: their broker is down, or they do not exist there. They rest for growing times while
 * other topics go on; no event's attempts are used up by it.
 */
export class Rests {
  readonly #clock: Clock;
  readonly #maxMs: number;
  readonly #onEnd: () => void;
  readonly #rests = new Map<string, Rest>();
  readonly #suspects = new Map<string, number>();
  readonly resting = new Set<string>();
  readonly refused = new Refused();

  constructor(clock: Clock, maxMs: number, onEnd: () => void) {
    this.#clock = clock;
    this.#maxMs = maxMs;
    this.#onEnd = onEnd;
  }

  /**
   * A lone row was refused: is it the row's own fault? It is taken to be, for one row of a topic until something else comes through: were the broker
   * down, the next row would be refused too, and then the topic rests.
   */
  blames(topic: string, position: number): boolean {
    if (this.#rests.has(topic)) return false;
    const suspect = this.#suspects.get(topic);
    if (suspect === undefined) this.#suspects.set(topic, position);
    return suspect === undefined || suspect === position;
  }

  /** Nothing came through. Answers how long the topic rests; `undefined` when it does already. */
  begin(topic: string, error: unknown): number | undefined {
    if (this.resting.has(topic)) return undefined;
    const rest = this.#rests.get(topic) ?? { rounds: 0, timer: undefined, sinceMs: this.#clock.now(), error };
    const longest = Math.min(this.#maxMs, FIRST_MS * 2 ** rest.rounds++);
    const delayMs = Math.round(longest * (1 - 0.2 * Math.random()));
    rest.error = error;
    rest.timer?.clear();
    rest.timer = this.#clock.after(delayMs, () => {
      this.resting.delete(topic);
      this.#onEnd();
      // Others of the topic go first now. Where there are none, or their turn does not come, those that were refused have theirs.
      rest.timer = this.#clock.after(delayMs, () => this.#tryRefused(topic));
    });
    this.#rests.set(topic, rest);
    this.resting.add(topic);
    return delayMs;
  }

  /** Something came through. */
  over(topic: string): void {
    this.#suspects.delete(topic);
    const rest = this.#rests.get(topic);
    if (rest === undefined) return;
    rest.timer?.clear();
    this.#rests.delete(topic);
    const wasResting = this.resting.delete(topic);
    if (this.refused.blame(topic) || wasResting) this.#onEnd();
  }

  /** There is nothing else to try. */
  tryRefused(): void {
    for (const topic of this.refused.topics) if (!this.resting.has(topic)) this.#tryRefused(topic);
  }

  #tryRefused(topic: string): void {
    if (this.refused.forget(topic)) this.#onEnd();
  }

  stop(): void {
    for (const rest of this.#rests.values()) rest.timer?.clear();
    this.#rests.clear();
    this.resting.clear();
    this.refused.clear();
  }

  list(): readonly { topic: string; sinceMs: number; error: string }[] {
    return [...this.#rests].map(([topic, { sinceMs, error }]) => ({ topic, sinceMs, error: redacted(error) }));
  }
}
