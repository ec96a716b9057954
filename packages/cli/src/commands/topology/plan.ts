import { planTopology } from "@waybill/config";
import { Command } from "commander";
import type { Action, Bind } from "../../action.ts";
import { EXIT } from "../../exit-codes.ts";
import { printPlan } from "./print-plan.ts";

const EXAMPLES = `
Changes nothing. Exits 0 when the brokers have everything, and 4 when there are steps.

Examples:
  waybill topology plan
  waybill topology plan --prune
  waybill topology plan --json | jq -r 'select(.action == "delete").name'`;

export function planCommand(bind: Bind): Command {
  return new Command("plan")
    .description("Print the steps that would bring the brokers in line with the configuration.")
    .option("--prune", "also list what carries this configuration's prefix and nothing declares, to be deleted")
    .addHelpText("after", EXAMPLES)
    .action(bind((_, { prune }) => plan(prune === true)));
}

const plan =
  (prune: boolean): Action =>
  async (session) => {
    const { adapters } = await session.open();
    const steps = await planTopology(adapters, { prune, signal: session.shutdown.signal });
    await printPlan(session, steps);
    return session.shutdown.code ?? (steps.length > 0 ? EXIT.differs : EXIT.ok);
  };
