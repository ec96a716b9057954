import { coreErrors } from "../errors/core-errors.ts";
import type { Adapter } from "../spi/adapter.ts";

/** Which adapter carries a topic: the exact name first, then the pattern with the longest text before its `*`. */
export class Routes {
  readonly #adapters: ReadonlyMap<string, Adapter>;
  readonly #exact = new Map<string, string>();
  readonly #patterns: { readonly start: string; readonly adapter: string }[] = [];

  constructor(adapters: Readonly<Record<string, Adapter>>, topics: Readonly<Record<string, string>>) {
    this.#adapters = new Map(Object.entries(adapters));
    for (const [topic, adapter] of Object.entries(topics)) {
      if (!this.#adapters.has(adapter))
        throw coreErrors.WB_ADAPTER_UNKNOWN({ topic, adapter, adapters: this.#names() });
      if (topic.endsWith("*")) this.#patterns.push({ start: topic.slice(0, -1), adapter });
      else this.#exact.set(topic, adapter);
    }
    this.#patterns.sort((a, b) => b.start.length - a.start.length);
  }

  all(): Adapter[] {
    return [...this.#adapters.values()];
  }

  /** `topic` may be a destination such as `orders/billing/dead`: its first part decides. */
  adapterOf(topic: string): Adapter {
    const slash = topic.indexOf("/");
    const logical = slash === -1 ? topic : topic.slice(0, slash);
    const name = this.#exact.get(logical) ?? this.#patterns.find(({ start }) => logical.startsWith(start))?.adapter;
    const adapter = name === undefined ? this.#only() : this.#adapters.get(name);
    if (adapter === undefined) throw coreErrors.WB_TOPIC_UNROUTED({ topic: logical, adapters: this.#names() });
    return adapter;
  }

  #only(): Adapter | undefined {
    return this.#adapters.size === 1 ? this.#adapters.values().next().value : undefined;
  }

  #names(): string {
    return [...this.#adapters.keys()].join(", ");
  }
}
