import type { Publisher, RawCloudEvent } from "@waybill/core";

/** The publisher of all contestants: it does nothing, and tells when it has had so many events. */
export class Counting implements Publisher {
  #seen = 0;
  #wanted = 0;
  #reached: () => void = () => undefined;

  get seen(): number {
    return this.#seen;
  }

  note(events: number): void {
    this.#seen += events;
    if (this.#seen >= this.#wanted) this.#reached();
  }

  async publishRaw(_topic: string, events: readonly RawCloudEvent[]) {
    this.note(events.length);
    return events.map(() => OK);
  }

  /** Events a second from `start` until `events` were seen or `limitMs` are over. */
  async rate(events: number, limitMs: number, start: () => Promise<unknown>): Promise<number> {
    this.#seen = 0;
    this.#wanted = events;
    const reached = new Promise<void>((resolve) => {
      this.#reached = resolve;
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limitMs);
    });
    const began = performance.now();
    await start();
    await Promise.race([reached, late]);
    clearTimeout(timer);
    return (this.#seen / (performance.now() - began)) * 1_000;
  }
}

const OK = { ok: true as const, value: undefined };
