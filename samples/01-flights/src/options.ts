import { parseArgs } from "node:util";
import { brokerNames } from "./runners/brokers.ts";

export const HELP = `Recorded flights through outbox, broker and inbox, with trouble on the way, and the totals checked at the end.

Usage: npx pnpm@12 start [options]

  --broker NAME   ${brokerNames.join(" or ")} (default: memory)
  --events N      the first N rows of the file (default: all; storage-queue: 5000)
  --input FILE    another JSON array of {date, delay, distance, origin, destination}
  --seed N        which events are duplicated, fail at first or can never be processed (default: 1)
  --keep DIR      leave the databases there; those of an earlier run are replaced (default: a temporary folder, removed)
  --json          no progress
  --help          this text

The last line of standard output is one JSON object. Exit codes: 0 everything adds up; 1 it does not, the lines above say what;
2 the command line or the input file cannot be used.

Examples:
  npx pnpm@12 start
  npx pnpm@12 start --broker storage-queue
  npx pnpm@12 start --events 1000 --seed 7 --keep ./flights-data
  npx pnpm@12 start --input ./my-flights.json --json`;

export interface Options {
  readonly broker: string;
  readonly events: number | undefined;
  readonly input: string | undefined;
  readonly seed: number;
  readonly keep: string | undefined;
  readonly json: boolean;
}

/** What was typed is wrong. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The options; `undefined` when help was asked for. Throws {@link UsageError}. */
export function parseOptions(argv: readonly string[]): Options | undefined {
  // `pnpm start -- --events 10` hands the two dashes on.
  const args = argv[0] === "--" ? argv.slice(1) : [...argv];
  const { values } = parse(args);
  if (values.help) return undefined;
  const broker = values.broker ?? "memory";
  if (!brokerNames.includes(broker)) {
    throw new UsageError(`--broker must be ${brokerNames.join(" or ")}, not ${broker}.`);
  }
  return {
    broker,
    events: wholeNumber("--events", values.events),
    input: filled("--input", values.input),
    seed: wholeNumber("--seed", values.seed) ?? 1,
    keep: filled("--keep", values.keep),
    json: values.json ?? false,
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        broker: { type: "string" },
        events: { type: "string" },
        input: { type: "string" },
        seed: { type: "string" },
        keep: { type: "string" },
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? (error.message.split(". ")[0] as string) : String(error));
  }
}

function wholeNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`${option} must be a whole number from 0 on, not ${text}.`);
  return Number(text);
}

function filled(option: string, text: string | undefined): string | undefined {
  if (text === "") throw new UsageError(`${option} must not be empty.`);
  return text;
}
