import { coreErrors } from "../errors/core-errors.ts";
import type { Adapter } from "../spi/adapter.ts";
import { ownTopic } from "../spi/destinations.ts";

/**
 * Which adapter carries a topic: the exact name first, then the pattern with the longest text before its `*`. An entry `topic/subscription` is for
 * what reaches that subscription alone.
 */
export class Routes {
  readonly #adapters: ReadonlyMap<string, Adapter>;
  readonly #exact = new Map<string, string>();
  readonly #patterns: { readonly start: string; readonly adapter: string }[] = [];

  constructor(adapters: Readonly<Record<string, Adapter>>, topics: Readonly<Record<string, string>>) {
    this.#adapters = new Map(Object.entries(adapters));
    for (const [topic, adapter] of Object.entries(topics)) {
      if (!this.#adapters.has(adapter))
        throw coreErrors.WB_ADAPTER_UNKNOWN({ topic, adapter, adapters: this.#names() });
      const parts = topic.split("/");
      if (parts.length > 1 && !isReturns(parts))
        throw coreErrors.WB_OPTION_INVALID({
          option: `topics["${topic}"]`,
          problem: "must be a topic, or topic/subscription",
        });
      if (topic.endsWith("*")) this.#patterns.push({ start: topic.slice(0, -1), adapter });
      else this.#exact.set(topic, adapter);
    }
    this.#patterns.sort((a, b) => b.start.length - a.start.length);
  }

  all(): Adapter[] {
    return [...this.#adapters.values()];
  }

  /** `topic` may be a destination such as `orders/billing/dead`: its own entry decides, else that of its first part. */
  adapterOf(topic: string): Adapter {
    const own = this.#exact.get(topic);
    if (own !== undefined) return this.#adapters.get(own)!;
    const slash = topic.indexOf("/");
    const logical = slash === -1 ? topic : topic.slice(0, slash);
    const name = this.#exact.get(logical) ?? this.#patterns.find(({ start }) => logical.startsWith(start))?.adapter;
    const adapter = name === undefined ? this.#only() : this.#adapters.get(name);
    if (adapter === undefined) throw coreErrors.WB_TOPIC_UNROUTED({ topic: logical, adapters: this.#names() });
    return adapter;
  }

  /** The adapter that keeps what returns to this subscription alone, where it is another than the topic's. */
  returnsOf(topic: string, subscription: string): Adapter | undefined {
    const adapter = this.adapterOf(ownTopic(topic, subscription));
    return adapter === this.adapterOf(topic) ? undefined : adapter;
  }

  #only(): Adapter | undefined {
    return this.#adapters.size === 1 ? this.#adapters.values().next().value : undefined;
  }

  #names(): string {
    return [...this.#adapters.keys()].join(", ");
  }
}

/** `topic/subscription`, neither of them a pattern. */
function isReturns(parts: readonly string[]): boolean {
  return parts.length === 2 && parts.every((part) => part !== "" && !part.includes("*"));
}
