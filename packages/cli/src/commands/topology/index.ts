import { Command } from "commander";
import type { Bind } from "../../action.ts";
import { applyCommand } from "./apply.ts";
import { planCommand } from "./plan.ts";

const EXAMPLES = `
Examples:
  waybill topology plan
  waybill topology apply --yes
  waybill topology plan --prune --json`;

export function topologyCommand(bind: Bind): Command {
  const topology = new Command("topology")
    .description("Compare the entities that the configuration needs with those that the brokers have, and make them.")
    .addHelpText("after", EXAMPLES);
  for (const make of [planCommand, applyCommand]) topology.addCommand(make(bind));
  return topology;
}
