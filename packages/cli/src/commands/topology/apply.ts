import { createInterface } from "node:readline/promises";
import { applyTopology, type PlannedStep, planTopology } from "@waybill/config";
import { counted } from "@waybill/core/spi";
import { Command } from "commander";
import type { Action, Bind } from "../../action.ts";
import { cliErrors } from "../../cli-errors.ts";
import { EXIT } from "../../exit-codes.ts";
import type { Session } from "../../session.ts";
import { printPlan, stepJson } from "./print-plan.ts";

const EXAMPLES = `
Prints the plan first and asks before it begins; --yes does not ask, and is needed where there is no terminal. Applying again does only
what is missing. Without --prune nothing is deleted.

Examples:
  waybill topology apply
  waybill topology apply --yes --json
  waybill topology apply --prune`;

export function applyCommand(bind: Bind): Command {
  return new Command("apply")
    .description("Make what the configuration needs and the brokers lack.")
    .option("--yes", "do not ask")
    .option(
      "--prune",
      "also delete what carries this configuration's prefix and nothing declares, events in it included",
    )
    .addHelpText("after", EXAMPLES)
    .action(bind((_, { yes, prune }) => apply({ yes: yes === true, prune: prune === true })));
}

const DONE = { create: "created", update: "updated", delete: "deleted", refuse: "left" } as const;

const apply =
  ({ yes, prune }: { yes: boolean; prune: boolean }): Action =>
  async (session) => {
    const { json, output, shutdown } = session;
    const { signal } = shutdown;
    const canAsk = !json && process.stdin.isTTY === true && process.stderr.isTTY === true;
    if (!yes && !canAsk) throw cliErrors.WB_TOPOLOGY_UNCONFIRMED({});
    const { adapters } = await session.open();
    const steps = await planTopology(adapters, { prune, signal });
    const doable = steps.filter(({ step }) => step.apply !== undefined);
    await printPlan(session, steps);
    if (doable.length > 0 && !yes && !(await confirmed(session, doable))) {
      output.note("nothing was changed");
      return shutdown.code ?? EXIT.differs;
    }
    let applied = 0;
    try {
      await applyTopology(doable, {
        signal,
        onApplied: async (planned) => {
          applied++;
          const { action, entity, name } = planned.step;
          if (json) await output.json({ ...stepJson(planned), applied: true });
          else await output.line(`${applied}/${doable.length} ${DONE[action]} ${entity} ${name}`);
        },
      });
    } catch (error) {
      output.note(`applied ${applied} of ${counted(doable.length, "step")}; the next run does the rest`);
      if (shutdown.code !== undefined) return shutdown.code;
      throw error;
    }
    if (json) await output.json({ applied, left: steps.length - doable.length });
    if (doable.length < steps.length) {
      throw cliErrors.WB_CLI_INCOMPLETE({
        noun: "step",
        what: "left, for a decision is needed first",
        failed: steps.length - doable.length,
        total: steps.length,
      });
    }
    return shutdown.code ?? EXIT.ok;
  };

async function confirmed({ shutdown }: Session, steps: readonly PlannedStep[]): Promise<boolean> {
  const deletes = steps.filter(({ step }) => step.action === "delete").length;
  const all = counted(steps.length, "step");
  const what = deletes > 0 ? `${all}, with ${counted(deletes, "delete")} among them` : all;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await lines.question(`Apply ${what}? [y/N] `, { signal: shutdown.signal });
    return /^y(es)?$/i.test(answer.trim());
  } catch {
    return false;
  } finally {
    lines.close();
  }
}
