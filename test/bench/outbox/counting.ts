import type { Publisher, RawCloudEvent } from "@waybill/core";
import type { Outcome } from "@waybill/core/spi";
import { collectGarbage } from "../result.ts";

/** The publisher of all contestants: it does nothing, and tells when it has had so many events. */
export class Counting implements Publisher {
  readonly stopsKeys: (topic: string) => boolean = () => true;
  #seen = 0;
  #wanted = 0;
  /** When to count from, and how many not to count. */
  #since: { readonly ms: number; readonly events: number } | undefined;
  #reached: () => void = () => undefined;

  get seen(): number {
    return this.#seen;
  }

  note(events: number): void {
    this.#seen += events;
    if (events > 0) this.#since ??= { ms: performance.now(), events };
    if (events > 0 && this.#seen >= this.#wanted && this.#seen - events < this.#wanted) this.#reached();
  }

  async publishRaw(_topic: string, events: readonly RawCloudEvent[]): Promise<readonly Outcome[]> {
    this.note(events.length);
    return events.map(() => OK);
  }

  /** Of a contestant that hands over one event a call. */
  async one(_event: RawCloudEvent): Promise<void> {
    this.note(1);
  }

  /**
   * Events a second until `events` were seen or `limitMs` are over: from `start`, or from the first call, which is not counted then, for a
   * contestant whose start makes connections too.
   */
  async rate(
    events: number,
    limitMs: number,
    start: () => Promise<unknown>,
    from: "start" | "first call" = "start",
  ): Promise<number> {
    // What loading the events has left behind.
    collectGarbage();
    this.#seen = 0;
    this.#wanted = events;
    this.#since = from === "start" ? { ms: performance.now(), events: 0 } : undefined;
    let endMs = Number.NaN;
    const reached = new Promise<void>((resolve) => {
      this.#reached = () => {
        endMs = performance.now();
        resolve();
      };
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        endMs = performance.now();
        resolve();
      }, limitMs);
    });
    await Promise.all([start(), Promise.race([reached, late])]);
    clearTimeout(timer);
    const { ms = Number.NaN, events: before = 0 } = this.#since ?? {};
    return ((this.#seen - before) / (endMs - ms)) * 1_000;
  }
}

const OK = { ok: true as const, value: undefined };
