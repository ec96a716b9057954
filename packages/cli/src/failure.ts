import { isWaybillError, type WaybillError } from "@waybill/core";
import { CommanderError } from "commander";
import { cliErrors } from "./cli-errors.ts";
import { EXIT } from "./exit-codes.ts";
import type { Output } from "./output.ts";

/** Wrong before anything was tried: configuration, command line, or an option that an adapter or store refuses. */
const USAGE =
  /^WB_(CONFIG_|CLAIM_CHECK_NOT_INSTALLED|CLI_USAGE|CLI_FILE|ADAPTER_|TOPIC_UNROUTED|OPTION_INVALID|NAME_|RELAY_OVER_MEMORY|RELAY_PORT|OUTBOX_NONE_CHOSEN|STORE_SCHEMA_FROM|DISCARD_UNCONFIRMED|TAIL_|PURGE_UNCONFIRMED|TOPOLOGY_UNCONFIRMED|\w+_OPTION$|\w+_CREDENTIALS$|\w+_NAME$)/;

/** A broker, or the outbox's database: nobody is there, or the credentials are refused. */
const UNREACHABLE = /^WB_(BROKER_UNREACHABLE|POSTGRES_CONNECTION|MYSQL_CONNECTION|MYSQL_REFUSED)$/;

/** What commander says of a command line that stops before a command. */
export const NO_COMMAND = "commander.help";

export function toWaybillError(error: unknown, command: string): WaybillError {
  if (isWaybillError(error)) return error;
  if (error instanceof CommanderError) {
    const told = error.code === NO_COMMAND ? "A command is missing" : error.message;
    const problem = told.replace(/^error: /, "").split("\n")[0] as string;
    return cliErrors.WB_CLI_USAGE({ problem: sentence(problem), command });
  }
  const text = error instanceof Error ? error.message || error.name : String(error);
  return cliErrors.WB_CLI_UNEXPECTED({ problem: sentence(text.split("\n")[0] as string) }, error);
}

export function exitCodeOf(error: WaybillError): number {
  if (UNREACHABLE.test(error.code)) return EXIT.broker;
  return USAGE.test(error.code) ? EXIT.usage : EXIT.failure;
}

/** `code: sentence` and the hint; one JSON object with --json; a stack only with --verbose. */
export function printError(
  error: WaybillError,
  exitCode: number,
  output: Output,
  how: { json: boolean; verbose: boolean },
): void {
  if (how.json) output.error(JSON.stringify({ error: { ...error.toJSON(), exitCode } }));
  else output.error(`${error.code}: ${error.sentence}\n  ${error.hint}`);
  if (how.verbose)
    for (let at: unknown = error; at instanceof Error; at = at.cause) output.error(at.stack ?? at.message);
}

function sentence(text: string): string {
  const trimmed = text.trim().replace(/[.\s]+$/, "");
  return `${trimmed.charAt(0).toUpperCase()}${trimmed.slice(1)}.`;
}
