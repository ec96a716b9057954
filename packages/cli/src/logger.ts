import { isWaybillError } from "@waybill/core";
import { type Logger, pino } from "pino";
import type { Session } from "./session.ts";

/** The relay's log, on standard error: JSON lines for machines, plain lines where a person looks at it. Secrets are taken out of both. */
export function createLogger({ json, options, output }: Pick<Session, "json" | "options" | "output">): Logger {
  const level = options.quiet && options.logLevel === "info" ? "warn" : options.logLevel;
  const forPeople = !json && process.stderr.isTTY === true;
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { error: errorFields },
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => output.error(forPeople ? humanLine(line) : line.trimEnd()) },
  );
}

/** An error without its stack, which names files and no cause that an operator could act on. */
function errorFields(error: unknown): unknown {
  if (isWaybillError(error)) return error.toJSON();
  return error instanceof Error ? { name: error.name, message: error.message } : { message: String(error) };
}

function humanLine(line: string): string {
  const { time, level, msg, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const fields = Object.entries(rest).map(
    ([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return [String(time).slice(11, 23), String(level).toUpperCase().padEnd(5), msg, ...fields].join(" ");
}
