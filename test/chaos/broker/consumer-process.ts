import { setTimeout as sleep } from "node:timers/promises";
import { openBus } from "@waybill/config";
import { isWaybillError } from "@waybill/core";
import { ledgerWriter } from "./ledger.ts";
import { NOT_STARTED } from "./workers.ts";
import { graves, KEEPER, SUBSCRIPTIONS, steps } from "./workload.ts";

const SLOW_MS = 300;

/** Consumers of both subscriptions and of the graves, in a process of their own: `node consumer-process.ts CONFIG LEDGERS [fixed]`. SIGTERM drains it. */
async function main(): Promise<void> {
  const [file = "", folder = "", fixed] = process.argv.slice(2);
  const write = ledgerWriter(folder);
  const told = new Promise((resolve) => process.once("SIGTERM", resolve));
  // Ctrl-C at the terminal reaches the whole group: the parent decides.
  process.on("SIGINT", () => undefined);
  // None outlives the run, however that one ends.
  process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
  const tell = (message: object) => process.connected && process.send?.(message);
  const bus = await openBus({
    file,
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
        if (kind === "poison" && fixed === undefined) throw new Error(`${key}/${n} cannot be processed yet`);
        if (kind === "flaky" && attempt === 1 && fixed === undefined) throw new Error(`${key}/${n} fails once`);
        if (kind === "slow") await sleep(SLOW_MS);
        write({ subscription: name, key, n, attempt, redriven });
      },
    );
    orders.push(subscription.guarantee.order);
  }
  await bus.subscribe(graves, { name: KEEPER }, async ({ data: { key, n } }, { attempt, redriven }) => {
    write({ subscription: KEEPER, key, n, attempt, redriven });
  });
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
