import type { Adapter, TopologyStep } from "@waybill/core/spi";
import { configErrors } from "./config-errors.ts";

/** What `openBus` does about entities that the configuration needs and a broker lacks. */
export type TopologyMode = (typeof MODES)[number];

const MODES = ["leave", "verify", "apply"] as const;

/** Throws WB_TOPOLOGY_MODE: callers without types may say anything, and what is no mode must not make entities. */
export function checkTopologyMode(mode: TopologyMode | undefined): void {
  if (mode !== undefined && !MODES.includes(mode)) throw configErrors.WB_TOPOLOGY_MODE({});
}

/** A step, and the broker (by its name in the configuration) that it is for. */
export interface PlannedStep {
  readonly broker: string;
  readonly step: TopologyStep;
}

type Adapters = Readonly<Record<string, Adapter>>;

/** Planning and applying at start-up may take so long in all. */
const START_UP_MS = 60_000;

/**
 * What the brokers lack of what the configuration declares, in the order in which it must be made; changes nothing. With `prune` also deletes of what carries
 * this configuration's prefix and nothing declares. Brokers whose entities need no making have no steps.
 */
export async function planTopology(
  adapters: Adapters,
  options: { readonly prune?: boolean; readonly signal: AbortSignal },
): Promise<readonly PlannedStep[]> {
  const { prune = false, signal } = options;
  const plans = await Promise.all(
    Object.entries(adapters).map(async ([broker, { topology }]) => {
      const steps = (await topology?.plan({ prune, signal })) ?? [];
      return steps.map((step) => ({ broker, step }));
    }),
  );
  return plans.flat();
}

/** Does steps one after the other and stops at the first that fails. Those that an operator must decide are left out. */
export async function applyTopology(
  steps: readonly PlannedStep[],
  options: { readonly signal: AbortSignal; readonly onApplied?: (done: PlannedStep) => void | Promise<void> },
): Promise<void> {
  for (const planned of steps) {
    options.signal.throwIfAborted();
    await planned.step.apply?.(options.signal);
    if (planned.step.apply !== undefined) await options.onApplied?.(planned);
  }
}

/** What `openBus` does before it opens anything. Rejects with WB_TOPOLOGY_MISSING or WB_TOPOLOGY_REFUSED. */
export async function ensureTopology(adapters: Adapters, mode: TopologyMode): Promise<void> {
  if (mode === "leave") return;
  const signal = AbortSignal.timeout(START_UP_MS);
  const steps = await planTopology(adapters, { signal });
  if (mode === "verify" && steps.length > 0) throw configErrors.WB_TOPOLOGY_MISSING({ steps: steps.map(say) });
  await applyTopology(steps, { signal });
  const refused = steps.filter(({ step }) => step.action === "refuse");
  if (refused.length > 0) throw configErrors.WB_TOPOLOGY_REFUSED({ steps: refused.map(say) });
}

function say({ broker, step: { action, entity, name } }: PlannedStep): string {
  return `${action === "refuse" ? "by hand" : action} ${entity} ${name} (${broker})`;
}
