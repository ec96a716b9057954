import type { WaybillConfig } from "@waybill/config";

type Brokers = NonNullable<WaybillConfig["brokers"]>;

/** Troubles that a run brings about. `kill` needs nothing of the broker. */
export const FAULTS = ["kill", "cut", "half-open", "broker-restart", "taken-away", "graves-down", "throttled"] as const;
export type Fault = (typeof FAULTS)[number];

/** Consumer processes at work. */
export const CONSUMERS = 3;

/** A started broker, behind proxies. */
export interface Carrier {
  /** Two entries of the config file: `main` carries the workload, `graves` what subscription `b` gives up, each through its own proxy. */
  readonly brokers: { readonly main: Brokers[string]; readonly graves: Brokers[string] };
  /** Order per key is promised. */
  readonly ordered: boolean;
  /** Nothing reaches a subscription alone here, and so nothing can be redriven: what `a` gives up stays in graves of its own. */
  readonly keepsGraves?: boolean;
  /** Of a broker that pushes: where each consumer takes events, one port for each. */
  readonly doors?: readonly number[];
  /** Each resolves when the trouble is over and the broker would work again. Those that this broker cannot have are absent. */
  readonly faults: Partial<Record<Exclude<Fault, "kill">, (random: () => number) => Promise<void>>>;
  stop(): Promise<void>;
}

export interface CarrierOptions {
  /** For data that outlives the broker's process. */
  readonly folder: string;
}
