import { openRelay, openStore } from "@waybill/config";
import { openConsumerHost } from "../consumer-host.ts";
import { flights } from "../events.ts";
import type { Runner, RunnerOptions } from "./runner.ts";

/** Service, relay and consumer on one bus, for a broker that lives in this process. */
export async function runInOneProcess({ loaded, plan, note }: RunnerOptions): Promise<Runner> {
  const host = await openConsumerHost(loaded);
  const store = await openStore(loaded, "outbox");
  let fail: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined);
  const relay = await openRelay({
    loaded,
    bus: host.bus,
    store,
    observer: {
      dead: ({ row, error }) => fail(new Error(`The relay gave up event ${row.position} of ${row.key}: ${error}`)),
    },
  });
  const { order } = await host.start({ plan, fixed: false });
  await relay.start();
  note("one process: service, relay and consumer");
  return {
    bus: host.bus,
    order,
    failed,
    fix: async () => {
      await host.stop();
      await host.start({ plan, fixed: true });
    },
    redrive: async () => {
      const letters = host.bus.deadLetters(flights, "totals");
      try {
        return (await letters.redrive()).done;
      } finally {
        await letters.close();
      }
    },
    stop: async () => {
      await relay.drain({ deadlineMs: 10_000 });
      await host.close();
      await store.close();
    },
  };
}
