import type { DatabaseSync } from "node:sqlite";
import { type LoadedConfig, openBus, openStore } from "@waybill/config";
import type { Bus, Guarantee } from "@waybill/core";
import { createInbox, type Store } from "@waybill/outbox";
import { subscribeTotals } from "./consumer.ts";
import { type FaultPlan, faults } from "./faults.ts";
import { createTallies, openTally } from "./tally.ts";
import { createTotals } from "./totals.ts";

/** A process's bus and consumer database, with a consumer that can be stopped and started again. */
export interface ConsumerHost {
  readonly bus: Bus;
  start(options: { plan: FaultPlan; fixed: boolean }): Promise<Guarantee>;
  /** Drains. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

export async function openConsumerHost(loaded: LoadedConfig): Promise<ConsumerHost> {
  const store = (await openStore(loaded, "inbox")) as Store<DatabaseSync>;
  await store.transaction((tx) => {
    createTotals(tx);
    createTallies(tx);
  });
  const tally = openTally(store);
  const bus = await openBus({ loaded, observers: [tally.observer] });
  let stop: () => Promise<void> = async () => undefined;

  return {
    bus,
    start: async ({ plan, fixed }) => {
      const trouble = faults(plan, bus, { fixed });
      const subscription = await subscribeTotals(bus, {
        inbox: createInbox({ store }),
        middleware: [trouble.middleware],
      });
      stop = async () => {
        await subscription.drain();
        await trouble.settled();
      };
      return subscription.guarantee;
    },
    stop: () => stop(),
    close: async () => {
      await stop();
      await bus.close();
      await tally.close();
      await store.close();
    },
  };
}
