import type { PlannedStep } from "@waybill/config";
import type { Session } from "../../session.ts";

const MARK = { create: "+", update: "~", delete: "-", refuse: "!" } as const;

/** One line for each step, and how many there are of each kind. */
export async function printPlan({ json, output }: Session, steps: readonly PlannedStep[]): Promise<void> {
  for (const planned of steps) {
    const { action, entity, name, detail } = planned.step;
    if (json) await output.json(stepJson(planned));
    else await output.line(`${MARK[action]} ${action} ${entity} ${name} (${planned.broker}): ${detail}`);
  }
  const counts = { create: 0, update: 0, delete: 0, refuse: 0 };
  for (const { step } of steps) counts[step.action]++;
  if (json) await output.json({ plan: counts });
  else if (steps.length === 0) await output.line("The brokers have everything that the configuration needs.");
  else await output.line(countText(counts));
}

export function stepJson({ broker, step: { action, entity, name, detail } }: PlannedStep): Record<string, unknown> {
  return { broker, action, entity, name, detail };
}

function countText(counts: Readonly<Record<string, number>>): string {
  const words: Readonly<Record<string, string>> = { refuse: "to decide by hand" };
  const some = Object.entries(counts).filter(([, count]) => count > 0);
  return some.map(([action, count]) => `${count} ${words[action] ?? `to ${action}`}`).join(", ");
}
