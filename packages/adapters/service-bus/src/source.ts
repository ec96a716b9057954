import type { ServiceBusReceiver, ServiceBusSessionReceiver } from "@azure/service-bus";
import type { Want } from "@waybill/core/spi";
import type { Hold } from "./hold.ts";

/** What core may take now. */
export type Room = Pick<Want, "max" | "maxBytes">;

/** Keeps links open and refills the handoff: one link for a queue or subscription, or one for each session held. */
export interface LinkSource {
  /** Core asks: begins, or begins again after a rest or a failure. Asks for no more than core has room for, by default as it last was. */
  ensure(room?: Room): void;
  /** Core asks no more for now, because it is busy or paused: takes nothing that others could have. Resolves when nothing more is on its way. */
  rest?(): Promise<void>;
  /** What has come and core has not taken, withdrawn from it: to be given back. */
  withdraw?(): readonly Hold[];
  /** Nothing of an ended lock is handed over. */
  expire?(): void;
  /** Whatever falls due: lost locks, idle sessions. Called every so often. */
  tick(nowMs: number): void;
  /** What settles or renews this one now. Throws, kind `lost`, where nothing can any more. */
  settler(hold: Hold): ServiceBusReceiver | ServiceBusSessionReceiver;
  /** Something was settled or lost. */
  freed(hold: Hold): void;
  /** True when something waits that has not come here: others may hold it, or the link has fallen silent. Throws when the connection is dead. */
  probe(): Promise<boolean>;
  /** Forgets its connection; `ensure` makes a new one. */
  drop(): void;
  /** What closing does not give back by itself. */
  unsettled?(): readonly Hold[];
  /** Asks for nothing more. */
  stop(): Promise<void>;
  close(): Promise<void>;
}
