import type { LoadedConfig } from "@waybill/config";
import type { Bus, Guarantee } from "@waybill/core";
import type { FaultPlan } from "../faults.ts";

/** What a runner needs to know to start. */
export interface RunnerOptions {
  readonly loaded: LoadedConfig;
  readonly plan: FaultPlan;
  /** The numbers that the plan was made of, for processes that must make it again. */
  readonly seed: number;
  readonly flights: number;
  /** Folder of the databases. */
  readonly folder: string;
  /** The environment that the configuration was read with. */
  readonly env: NodeJS.ProcessEnv;
  readonly note: (line: string) => void;
}

/** Relay and consumers at work, in whichever processes. */
export interface Runner {
  /** For looking at backlog and dead letters. */
  readonly bus: Bus;
  readonly order: Guarantee["order"];
  /** Stops the consumers, which finish what they have in hand, and starts them again without the bug. */
  fix(): Promise<void>;
  /** Puts the dead letters back to work; answers how many. */
  redrive(): Promise<number>;
  /** Drains consumers and relay. */
  stop(): Promise<void>;
  /** Rejects when a part of it cannot be kept at work. */
  readonly failed: Promise<never>;
}
