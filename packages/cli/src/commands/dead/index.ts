import { Command } from "commander";
import type { Bind } from "../../action.ts";
import { listCommand } from "./list.ts";
import { purgeCommand } from "./purge.ts";
import { redriveCommand } from "./redrive.ts";
import { showCommand } from "./show.ts";

const EXAMPLES = `
Examples:
  waybill dead list orders billing --reason handler-failed
  waybill dead show orders billing 0190b6c8-…
  waybill dead redrive orders billing --type com.example.order.placed --rate 50 --dry-run
  waybill dead purge orders billing --reason expired --yes`;

export function deadCommand(bind: Bind): Command {
  const dead = new Command("dead")
    .description("Look at the events a subscription gave up, put them back to work, or remove them.")
    .addHelpText("after", EXAMPLES);
  for (const make of [listCommand, showCommand, redriveCommand, purgeCommand]) dead.addCommand(make(bind));
  return dead;
}
