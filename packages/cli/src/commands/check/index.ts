import { assessConfig, type LoadedConfig, loadConfig, openAdapters, type SubscriptionReport } from "@waybill/config";
import { Command } from "commander";
import type { Action, Bind } from "../../action.ts";
import { EXIT } from "../../exit-codes.ts";
import type { Session } from "../../session.ts";
import { within } from "../../within.ts";
import { compareReports } from "./compare.ts";
import { printChanges, printReports } from "./print.ts";

const EXAMPLES = `
Joins no subscription and takes no event. A broker is asked only where the options do not say what it can do. What the code passes to
subscribe is not known here: the configuration's settings count, and defaults where it has none.

Exits 4 when a declared subscription would be refused; with --to, also when something that works today would be.

Examples:
  waybill check
  waybill check --to deploy/kafka.config.yaml
  waybill check --json | jq 'select(.guarantee.order == "none").topic'`;

const ASK_MS = 30_000;
const CLOSE_MS = 2_000;

export function checkCommand(bind: Bind): Command {
  return new Command("check")
    .description(
      "Say what each subscription gets on its broker, what is emulated and what is refused; or what a swap changes.",
    )
    .option("--to <file>", "the configuration that would come instead: print what changes")
    .addHelpText("after", EXAMPLES)
    .action(bind((_, { to }) => check(to as string | undefined)));
}

const check =
  (to: string | undefined): Action =>
  async (session) => {
    const loaded = await session.loaded();
    const reports = await reportsOf(session, loaded);
    if (to === undefined) {
      await printReports(session, reports);
      return exitCode(reports, reports.some(isRefused));
    }
    const other = await loadConfig({ file: to });
    session.redactor.add(other.secrets);
    const theirs = await reportsOf(session, other);
    const changes = compareReports(reports, theirs);
    await printChanges(session, { reports, theirs, changes });
    return exitCode([...reports, ...theirs], theirs.some(isRefused) || changes.some((change) => change.refused));
  };

async function reportsOf({ shutdown }: Session, loaded: LoadedConfig): Promise<readonly SubscriptionReport[]> {
  const adapters = await openAdapters(loaded);
  try {
    const signal = AbortSignal.any([shutdown.signal, AbortSignal.timeout(ASK_MS)]);
    return await assessConfig(loaded, adapters, signal);
  } finally {
    const closing = Object.values(adapters).map((adapter) => adapter.close());
    await within(CLOSE_MS, Promise.allSettled(closing));
  }
}

function isRefused({ problem, assessment }: SubscriptionReport): boolean {
  return problem?.kind === "refused" || assessment?.findings.some(({ blocks }) => blocks === true) === true;
}

function exitCode(reports: readonly SubscriptionReport[], refused: boolean): number {
  if (refused) return EXIT.differs;
  return reports.some(({ problem }) => problem?.brokerFault) ? EXIT.broker : EXIT.ok;
}
