import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { loadConfig, openAdapters, openBus } from "@waybill/config";
import { isWaybillError } from "@waybill/core";
import type { EventGridAdapter } from "@waybill/event-grid";
import { ledgerWriter } from "./ledger.ts";
import { serveDoor } from "./webhook-door.ts";
import { NOT_STARTED } from "./workers.ts";
import { graves, gravesOfA, KEEPER, KEEPER_OF_A, SUBSCRIPTIONS, steps } from "./workload.ts";

const SLOW_MS = 300;

/** Consumers of both subscriptions and of the graves, in a process of their own: `node consumer-process.ts CONFIG LEDGERS [--fixed] [--door PORT]`. SIGTERM drains it. */
async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { fixed: { type: "boolean", default: false }, door: { type: "string" } },
  });
  const [file = "", folder = ""] = positionals;
  const { fixed, door } = values;
  const write = ledgerWriter(folder);
  const told = new Promise((resolve) => process.once("SIGTERM", resolve));
  // Ctrl-C at the terminal reaches the whole group: the parent decides.
  process.on("SIGINT", () => undefined);
  // None outlives the run, however that one ends.
  process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
  const tell = (message: object) => process.connected && process.send?.(message);
  const loaded = await loadConfig({ file });
  const adapters = await openAdapters(loaded);
  const bus = await openBus({
    loaded,
    adapters,
    observers: [
      {
        trouble: ({ error }) => tell({ trouble: error instanceof Error ? `${error.message}` : String(error) }),
        stalled: ({ subscription }) => tell({ stalled: subscription }),
      },
    ],
  });
  const orders: string[] = [];
  for (const name of SUBSCRIPTIONS) {
    const subscription = await bus.subscribe(
      steps,
      { name, idleMs: 5_000 },
      async ({ data }, { attempt, redriven }) => {
        const { key, n, kind } = data;
        if (kind === "poison" && !fixed) throw new Error(`${key}/${n} cannot be processed yet`);
        if (kind === "flaky" && attempt === 1 && !fixed) throw new Error(`${key}/${n} fails once`);
        if (kind === "slow") await sleep(SLOW_MS);
        write({ subscription: name, key, n, attempt, redriven });
      },
    );
    orders.push(subscription.guarantee.order);
  }
  const keep = async (topic: typeof graves | typeof gravesOfA, subscription: string) =>
    await bus.subscribe(topic, { name: subscription }, async ({ data: { key, n } }, { attempt, redriven }) => {
      write({ subscription, key, n, attempt, redriven });
    });
  await keep(graves, KEEPER);
  if (loaded.config.topics?.[gravesOfA.name] !== undefined) await keep(gravesOfA, KEEPER_OF_A);
  // Last, so that nobody who knocks is sent away.
  if (door !== undefined) await serveDoor(adapters.main as EventGridAdapter, Number(door));
  tell({ ready: true, orders });
  await told;
  await bus.drain({ deadlineMs: 15_000 }).catch(() => undefined);
  await bus.close();
  process.exit(0);
}

main().catch((error: unknown) => {
  // As a service would that cannot reach its broker when it starts: its supervisor starts it again.
  if (!isWaybillError(error)) throw error;
  process.send?.({ notStarted: error.message }, () => process.exit(NOT_STARTED));
});
