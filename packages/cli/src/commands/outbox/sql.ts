import { Command } from "commander";
import type { Action, Bind } from "../../action.ts";
import { EXIT } from "../../exit-codes.ts";
import { wholeNumber } from "../../option-values.ts";
import { withStore } from "./with-store.ts";

const EXAMPLES = `
For those who run migrations with their own tool. Connects to nothing.

Examples:
  waybill outbox sql > migrations/0042-waybill.sql
  waybill outbox sql --from 2`;

export function sqlCommand(bind: Bind): Command {
  return new Command("sql")
    .description("Print the SQL that makes the outbox's tables, or brings them up to date.")
    .option("--from <version>", "the version that is there; default: nothing is", wholeNumber)
    .addHelpText("after", EXAMPLES)
    .action(bind((_, { from }) => sql((from as number | undefined) ?? 0)));
}

const sql =
  (from: number): Action =>
  (session) =>
    withStore(session, async (store) => {
      const text = store.migrations.sql(from);
      if (session.json) await session.output.json({ outbox: store.name, from, sql: text });
      else await session.output.line(text.trimEnd());
      return EXIT.ok;
    });
