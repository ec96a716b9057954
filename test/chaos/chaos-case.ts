import type { Fault } from "./broker/carrier.ts";
import type { StoreName } from "./outbox/database.ts";

/** What every chaos case answers: `ok`, and its own counts. */
export interface ChaosReport {
  readonly ok: boolean;
  readonly [count: string]: unknown;
}

export interface ChaosOptions {
  readonly events: number;
  readonly seed: number;
  /** Of the relay and of consumers. */
  readonly kills: number;
  /** Troubles of a broker. */
  readonly faults: number;
  /** Only these of them. */
  readonly only: readonly Fault[] | undefined;
  /** How long the broker of an outbox is down. Absent: while most of the events are written. */
  readonly downSeconds?: number | undefined;
  /** Of an outbox. Absent: all. */
  readonly store?: StoreName | undefined;
  readonly progress: (line: string) => void;
}
