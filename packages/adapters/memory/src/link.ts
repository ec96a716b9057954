import type { MemoryBroker, Operation } from "./broker/broker.ts";
import { injected, memoryErrors } from "./errors.ts";
import type { Faults } from "./faults.ts";

/** One adapter's connection to the broker: open, closed in order, or dead. */
export class Link {
  readonly broker: MemoryBroker;
  readonly faults: Faults | undefined;
  readonly #parts = new Set<{ close(): Promise<void>; crash?(): void }>();
  #closed = false;

  constructor(broker: MemoryBroker, faults: Faults | undefined) {
    this.broker = broker;
    this.faults = faults;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Throws when the connection is gone or a fault strikes this call; nothing has happened at the broker then. */
  guard(operation: Operation): void {
    if (this.#closed) throw memoryErrors.WB_MEMORY_CLOSED({ what: "connection" });
    this.broker.failIfAsked(operation);
    if (this.faults?.strikes("throttle")) throw injected("throttled", operation);
  }

  /** Closes with the link, unless it has closed itself before. */
  add(part: { close(): Promise<void>; crash?(): void }): void {
    this.#parts.add(part);
  }

  remove(part: { close(): Promise<void> }): void {
    this.#parts.delete(part);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const part of [...this.#parts]) await part.close();
  }

  /** The process is gone: nothing is given back, every later call fails. */
  crash(): void {
    this.#closed = true;
    for (const part of this.#parts) part.crash?.();
    this.#parts.clear();
  }
}
