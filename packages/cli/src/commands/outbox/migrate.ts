import { Command } from "commander";
import type { Action, Bind } from "../../action.ts";
import { EXIT } from "../../exit-codes.ts";
import { withStore } from "./with-store.ts";

const EXAMPLES = `
Safe to run again, and from several places at once. Services and relays do the same when they start, unless the configuration says
migrate: false.

Examples:
  waybill outbox migrate
  waybill outbox migrate --json`;

export function migrateCommand(bind: Bind): Command {
  return new Command("migrate")
    .description("Bring the outbox's tables up to date.")
    .addHelpText("after", EXAMPLES)
    .action(bind(() => migrate));
}

const migrate: Action = (session) =>
  withStore(session, async (store) => {
    const done = await store.migrations.apply();
    const { applied } = await store.migrations.status();
    if (session.json) await session.output.json({ outbox: store.name, applied: done, version: applied });
    else if (done.length === 0) await session.output.line(`${store.name} is up to date (version ${applied})`);
    else await session.output.line(`${store.name}: applied ${done.join(", ")}; now version ${applied}`);
    return EXIT.ok;
  });
