import type { Publisher, PublishOptions, RawCloudEvent } from "@waybill/core";
import type { Outcome } from "@waybill/core/spi";

/** A publisher for tests that keeps what it took, and refuses what it is told to. */
export class Recorder implements Publisher {
  readonly taken: { topic: string; event: RawCloudEvent }[] = [];
  /** How many events each call had. */
  readonly calls: number[] = [];
  /** Calls under way. */
  running = 0;
  /** Whether it takes many events of one key at once. */
  stopsKeys: () => boolean = () => false;
  /** Answers why an event is refused; `undefined` takes it. */
  refuse: (event: RawCloudEvent, topic: string) => unknown = () => undefined;
  /** Runs before each answer. */
  beforeAnswer: (events: readonly RawCloudEvent[]) => Promise<void> | void = () => undefined;
  #waiting: { test: () => boolean; resolve: () => void }[] = [];

  async publishRaw(
    topic: string,
    events: readonly RawCloudEvent[],
    { stopKeys }: PublishOptions = {},
  ): Promise<readonly Outcome[]> {
    this.running++;
    this.calls.push(events.length);
    await this.beforeAnswer(events);
    const stopped = new Set<unknown>();
    const outcomes = events.map((event): Outcome => {
      const { partitionkey: key } = event;
      const error = stopped.has(key) ? new Error("not sent, behind a refused one") : this.refuse(event, topic);
      if (error !== undefined) {
        if (stopKeys && key !== undefined) stopped.add(key);
        return { ok: false, error };
      }
      this.taken.push({ topic, event });
      return { ok: true, value: undefined };
    });
    this.running--;
    const ready = this.#waiting.filter(({ test }) => test());
    this.#waiting = this.#waiting.filter((one) => !ready.includes(one));
    for (const { resolve } of ready) resolve();
    return outcomes;
  }

  /** Data of what was taken, in order. */
  get data(): unknown[] {
    return this.taken.map(({ event }) => event.data);
  }

  /** Resolves once `test` holds after an answer. */
  until(test: () => boolean): Promise<void> {
    if (test()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ test, resolve }));
  }

  /** Resolves once so many events were taken. */
  count(n: number): Promise<void> {
    return this.until(() => this.taken.length >= n);
  }
}

/** Asks again, every few milliseconds, until the answer is true: for facts that nobody announces. */
export async function eventually(check: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await check())) await new Promise((resolve) => setTimeout(resolve, 5));
}
