/** Uploads at once, over all topics. */
const UPLOADS = 8;

/**
 * Lets large events through while their data is stored, and makes later events of the same key wait behind them: events of one key reach the broker in call
 * order. Other keys, and events without one, pass by.
 */
export class ClaimGate {
  /** Bytes of events that wait here. */
  bytes = 0;
  readonly #tails = new Map<string, Promise<void>>();
  #open = 0;
  #uploading = 0;
  #queue: (() => void)[] = [];
  #idle: (() => void)[] = [];

  /** Events that wait here. */
  get waiting(): number {
    return this.#open;
  }

  /** True when an event of this key must wait behind others. */
  holds(topic: string, key: string | undefined): boolean {
    return key !== undefined && this.#tails.size > 0 && this.#tails.has(nameOf(topic, key));
  }

  /**
   * Runs `prepare` (at once, or when fewer than 8 others are running), then `hand` with its result once all earlier events of the key have been handed
   * on. `hand` gets what `prepare` rejected with as `error`. `bytes` is what the event holds meanwhile.
   */
  pass<T>(
    place: { readonly topic: string; readonly key: string | undefined; readonly bytes: number },
    prepare: (() => Promise<T>) | undefined,
    hand: (outcome: { readonly value: T } | { readonly error: unknown } | undefined) => void,
  ): void {
    const name = place.key === undefined ? undefined : nameOf(place.topic, place.key);
    const before = name === undefined ? undefined : this.#tails.get(name);
    this.bytes += place.bytes;
    this.#open++;
    const prepared = prepare === undefined ? Promise.resolve(undefined) : this.#upload(prepare);
    const wait = async () => {
      const outcome = await prepared;
      await before;
      this.bytes -= place.bytes;
      this.#open--;
      if (name !== undefined && this.#tails.get(name) === passed) this.#tails.delete(name);
      hand(outcome);
      if (this.#open === 0) for (const resolve of this.#idle.splice(0)) resolve();
    };
    const passed = wait();
    if (name !== undefined) this.#tails.set(name, passed);
  }

  /** Resolves when nothing waits here. */
  idle(): Promise<void> {
    return this.#open === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  async #upload<T>(prepare: () => Promise<T>): Promise<{ value: T } | { error: unknown }> {
    if (this.#uploading >= UPLOADS) await new Promise<void>((resolve) => this.#queue.push(resolve));
    this.#uploading++;
    try {
      return { value: await prepare() };
    } catch (error) {
      return { error };
    } finally {
      this.#uploading--;
      this.#queue.shift()?.();
    }
  }
}

function nameOf(topic: string, key: string): string {
  return `${topic}\n${key}`;
}
