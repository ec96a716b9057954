import type { Adapter } from "@waybill/core/spi";
import { graves, KEEPER, SUBSCRIPTIONS, steps } from "./workload.ts";

/** What the config file declares, for adapters that are asked to make it. */
export const DECLARED = { [steps.name]: [...SUBSCRIPTIONS], [graves.name]: [KEEPER] };

/** Makes all that the adapter's declared subscriptions need, and closes it. */
export async function makeEntities(adapter: Adapter): Promise<void> {
  const { signal } = new AbortController();
  for (const step of (await adapter.topology?.plan({ prune: false, signal })) ?? []) {
    if (step.apply === undefined) throw new Error(`${step.entity} ${step.name}: ${step.detail}`);
    await step.apply(signal);
  }
  await adapter.close();
}
