import { parseJson } from "../events/parse-json.ts";
import { EventGridProblem } from "../problem.ts";
import type { PulledEvent, PullQueue, TokenError } from "./pull-queue.ts";

export const PULL_OPERATIONS = ["receive", "acknowledge", "release", "reject", "renewLock"] as const;
export type PullOperation = (typeof PULL_OPERATIONS)[number];

const RELEASE_DELAYS = new Set(["0", "10", "60", "600", "3600"]);

const MESSAGES: Readonly<Record<TokenError, string>> = {
  BadToken: "The lock token is not formatted correctly.",
  TokenLost: "The lock token was not found: its lock has expired, or the event was settled.",
};

/** The answer's body, written. Throws a 400 for what the service refuses. */
export async function runPullOperation(
  queue: PullQueue,
  operation: PullOperation,
  query: URLSearchParams,
  body: string,
  signal: AbortSignal,
): Promise<string> {
  if (operation === "receive") {
    const max = integer(query, "maxEvents", 1, 1, 100);
    const waitSeconds = integer(query, "maxWaitTime", 60, 10, 120);
    return writeReceived(await queue.receive(max, waitSeconds * 1000, signal));
  }
  const delay = query.get("releaseDelayInSeconds") ?? "0";
  if (operation === "release" && !RELEASE_DELAYS.has(delay))
    throw new EventGridProblem(400, "releaseDelayInSeconds must be one of 0, 10, 60, 600 and 3600.");
  const succeededLockTokens: string[] = [];
  const failedLockTokens: unknown[] = [];
  for (const lockToken of tokensOf(body)) {
    const error =
      operation === "release"
        ? queue.release(lockToken, Number(delay) * 1000)
        : operation === "renewLock"
          ? queue.renew(lockToken)
          : queue[operation](lockToken);
    if (error === undefined) succeededLockTokens.push(lockToken);
    else failedLockTokens.push({ lockToken, error: { code: error, message: MESSAGES[error] } });
  }
  return JSON.stringify({ succeededLockTokens, failedLockTokens });
}

/** By hand, so that the event goes out as it came in. */
function writeReceived(events: readonly PulledEvent[]): string {
  const details = events.map(({ lockToken, deliveryCount, event }) => {
    const brokerProperties = JSON.stringify({ lockToken, deliveryCount });
    return `{"brokerProperties":${brokerProperties},"event":${event.json}}`;
  });
  return `{"value":[${details.join(",")}]}`;
}

function integer(query: URLSearchParams, name: string, otherwise: number, min: number, max: number): number {
  const text = query.get(name);
  if (text === null) return otherwise;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) throw new EventGridProblem(400, `${name} must be between ${min} and ${max}.`);
  return value;
}

function tokensOf(body: string): string[] {
  const tokens = (parseBody(body) as { readonly lockTokens?: unknown } | null)?.lockTokens;
  if (!Array.isArray(tokens) || tokens.length === 0 || !tokens.every((token) => typeof token === "string"))
    throw new EventGridProblem(400, "The body must have 'lockTokens', an array of strings.");
  return tokens;
}

function parseBody(body: string): unknown {
  try {
    return parseJson(body);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError)
      throw new EventGridProblem(400, "The body is no valid JSON.");
    throw error;
  }
}
