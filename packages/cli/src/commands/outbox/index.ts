import { Command } from "commander";
import type { Bind } from "../../action.ts";
import { deadCommand } from "./dead.ts";
import { migrateCommand } from "./migrate.ts";
import { discardCommand, retryCommand } from "./settle.ts";
import { sqlCommand } from "./sql.ts";
import { statusCommand } from "./status.ts";

const EXAMPLES = `
Examples:
  waybill outbox status
  waybill outbox migrate
  waybill outbox dead --topic orders
  waybill outbox retry --topic orders --reason too-large
  waybill outbox discard 41 57 --yes`;

export function outboxCommand(bind: Bind): Command {
  const outbox = new Command("outbox")
    .description(
      "Look after the outbox: what waits, who works on it, its tables, and the events that the relay gave up.",
    )
    .addHelpText("after", EXAMPLES);
  for (const make of [statusCommand, migrateCommand, sqlCommand, deadCommand, retryCommand, discardCommand]) {
    outbox.addCommand(make(bind));
  }
  return outbox;
}
