import { counted } from "@waybill/core/spi";
import type { Store } from "@waybill/outbox";
import { Command } from "commander";
import type { Action, Bind } from "../../action.ts";
import { cliErrors } from "../../cli-errors.ts";
import { EXIT } from "../../exit-codes.ts";
import type { Session } from "../../session.ts";
import { chosen, type DeadChoice, positionOf, withChoice } from "./selection.ts";
import { withStore } from "./with-store.ts";

interface SettleOptions extends DeadChoice {
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

const RETRY = `
An event goes back to its old place in its key, with its attempts counted anew; a key that waited for it goes on.

Examples:
  waybill outbox retry 41 57
  waybill outbox retry --topic orders --reason too-large
  waybill outbox retry --all --dry-run

Parked events, which failed and are not given up yet, are tried again by themselves. With --parked those that wait for the time of
their next try are tried now, such as once a fault is mended; those behind them follow.

  waybill outbox retry --parked`;

const DISCARD = `
Examples:
  waybill outbox discard 41 57 --yes
  waybill outbox discard --topic heartbeats --dry-run`;

export function retryCommand(bind: Bind): Command {
  return command("retry", "Put events that the relay gave up back to work.", RETRY)
    .option("--parked", "instead: try now what waits for its next try")
    .action(
      bind(([positions], options) => {
        const { parked, ...asked } = options as SettleOptions & { parked?: boolean };
        const given = positions as unknown as string[];
        const { topic, reason, key, max, all, dryRun } = asked;
        const others = [topic, reason, key, max, all, dryRun].some((one) => one !== undefined);
        if (parked) return retryParked(given.length > 0 || others);
        return settle("retry", given, asked, (store, at) => store.dead.retry(at));
      }),
    );
}

const retryParked =
  (choosesToo: boolean): Action =>
  (session) =>
    withStore(session, async (store) => {
      if (choosesToo) {
        const problem = "--parked means all parked events; positions and choices are of dead ones.";
        throw cliErrors.WB_CLI_USAGE({ problem, command: "waybill outbox retry" });
      }
      const retried = await store.dead.retryParked();
      if (session.json) await session.output.json({ retried });
      else await session.output.line(`trying ${counted(retried, "parked event")} now`);
      return EXIT.ok;
    });

export function discardCommand(bind: Bind): Command {
  return command("discard", "Forget events that the relay gave up, for good.", DISCARD)
    .option("--yes", "do it: what is discarded was never published")
    .action(
      bind(([positions], options) => {
        const asked = options as SettleOptions;
        return settle("discard", positions as unknown as string[], asked, (store, at) => store.dead.discard(at));
      }),
    );
}

function command(name: string, description: string, examples: string): Command {
  return withChoice(new Command(name))
    .description(description)
    .argument("[positions...]", "as `waybill outbox dead` lists them")
    .option("--all", "all of them")
    .option("--dry-run", "only count what it would be")
    .addHelpText("after", examples);
}

const DID = { retry: "put back to work", discard: "discarded" } as const;

const settle =
  (
    verb: "retry" | "discard",
    given: readonly string[],
    options: SettleOptions,
    act: (store: Store, positions: readonly number[]) => Promise<number>,
  ): Action =>
  (session) =>
    withStore(session, async (store) => {
      const positions = given.map(positionOf);
      const { topic, reason, key, all, dryRun, yes } = options;
      const choosesSome = topic !== undefined || reason !== undefined || key !== undefined || all === true;
      if (positions.length === 0 && !choosesSome) throw cliErrors.WB_OUTBOX_NONE_CHOSEN({ verb });
      if (positions.length > 0 && choosesSome) {
        const problem = "Positions say which events are meant; a choice beside them would mean others.";
        throw cliErrors.WB_CLI_USAGE({ problem, command: `waybill outbox ${verb}` });
      }
      // What is meant is looked up first: an event that comes back and is given up again meanwhile is not taken a second time.
      const meant = positions.length > 0 ? positions : await positionsOf(session, store, options);
      if (verb === "discard" && !yes && !dryRun) throw cliErrors.WB_DISCARD_UNCONFIRMED({ events: meant.length });
      const done = dryRun ? meant.length : await inGroups(session, meant, (group) => act(store, group));
      if (session.json)
        await session.output.json({ [verb === "retry" ? "retried" : "discarded"]: done, dryRun: dryRun === true });
      else await session.output.line(`${dryRun ? "would have " : ""}${DID[verb]} ${done}`);
      if (!dryRun && positions.length > done) {
        const { length: total } = positions;
        throw cliErrors.WB_OUTBOX_NOT_DEAD({ missing: total - done, total, did: DID[verb] });
      }
      return session.shutdown.code ?? EXIT.ok;
    });

async function positionsOf({ shutdown }: Session, store: Store, choice: DeadChoice): Promise<number[]> {
  const found: number[] = [];
  for await (const rows of chosen(store, choice, shutdown.signal)) found.push(...rows.map(({ position }) => position));
  return found;
}

const GROUP = 500;

async function inGroups(
  { shutdown }: Session,
  positions: readonly number[],
  act: (group: readonly number[]) => Promise<number>,
): Promise<number> {
  let done = 0;
  for (let from = 0; from < positions.length && !shutdown.signal.aborted; from += GROUP) {
    done += await act(positions.slice(from, from + GROUP));
  }
  return done;
}
