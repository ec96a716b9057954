import { coreErrors } from "../errors/core-errors.ts";
import { noUnknown } from "../errors/no-unknown.ts";
import type { RetryOptions } from "../policies/retry.ts";
import type { ReceiverCapabilities } from "../spi/capabilities.ts";
import { checkLogicalName } from "../spi/naming.ts";
import type { LaneLimits } from "./lanes.ts";
import type { SubscribeOptions } from "./subscribe-options.ts";

const KNOWN: readonly (keyof SubscribeOptions)[] = [
  "name",
  "order",
  "concurrency",
  "inbox",
  "startFrom",
  "retry",
  "handlerTimeoutMs",
  "afterDeadLetter",
  "unknown",
  "deadLetterTo",
  "maxDeliveries",
  "maxInFlight",
  "maxInFlightBytes",
  "idleMs",
  "middleware",
  "loop",
];
const KNOWN_RETRY: readonly (keyof RetryOptions)[] = [
  "attempts",
  "initialMs",
  "factor",
  "maxMs",
  "jitter",
  "inPlaceMs",
];

export interface ResolvedOptions {
  readonly concurrency: number;
  readonly retry: Required<RetryOptions>;
  readonly handlerTimeoutMs: number;
  readonly maxDeliveries: number;
  readonly maxInFlight: number | undefined;
  readonly maxInFlightBytes: number;
  readonly idleMs: number;
}

/** Checks what a caller gave and fills in the defaults. Throws WB_OPTION_INVALID or WB_NAME_INVALID. */
export function resolveOptions(given: SubscribeOptions<unknown>): ResolvedOptions {
  if (typeof given !== "object" || given === null) {
    throw coreErrors.WB_OPTION_INVALID({ option: "options", problem: "must be an object with at least a name" });
  }
  checkLogicalName("subscription", given.name);
  if (given.deadLetterTo !== undefined) checkLogicalName("topic", given.deadLetterTo);
  noUnknown("subscribe option", given, KNOWN);
  const retry = given.retry ?? {};
  noUnknown("retry option", retry, KNOWN_RETRY);
  oneOf("order", given.order, ["required", "preferred", "none"]);
  oneOf("startFrom", given.startFrom, ["earliest", "latest"]);
  oneOf("unknown", given.unknown, ["ignore", "dead-letter"]);
  oneOf("afterDeadLetter", given.afterDeadLetter, ["continue", "halt-key"]);
  return {
    concurrency: whole("concurrency", given.concurrency ?? 16, 1, 10_000),
    retry: {
      attempts: whole("retry.attempts", retry.attempts ?? 5, 1, 1_000),
      initialMs: within("retry.initialMs", retry.initialMs ?? 200, 0, 86_400_000),
      factor: within("retry.factor", retry.factor ?? 2, 1, 100),
      maxMs: within("retry.maxMs", retry.maxMs ?? 60_000, 0, 604_800_000),
      jitter: within("retry.jitter", retry.jitter ?? 0.2, 0, 1),
      inPlaceMs: within("retry.inPlaceMs", retry.inPlaceMs ?? 1_000, 0, 86_400_000),
    },
    handlerTimeoutMs: within("handlerTimeoutMs", given.handlerTimeoutMs ?? 300_000, 1, 86_400_000),
    maxDeliveries: whole("maxDeliveries", given.maxDeliveries ?? 50, 1, 1_000_000),
    maxInFlight: given.maxInFlight === undefined ? undefined : whole("maxInFlight", given.maxInFlight, 1, 1_000_000),
    maxInFlightBytes: within(
      "maxInFlightBytes",
      given.maxInFlightBytes ?? 64 * 1024 * 1024,
      1,
      Number.MAX_SAFE_INTEGER,
    ),
    idleMs: within("idleMs", given.idleMs ?? 60_000, 10, 86_400_000),
  };
}

/** How much may be in hand, for this source: what has a lease is not fetched long before it can be handled. */
export function laneLimits(options: ResolvedOptions, capabilities: ReceiverCapabilities): LaneLimits {
  const least = capabilities.lease === false ? 1_024 : 64;
  const maxInFlight = options.maxInFlight ?? Math.max(4 * options.concurrency, least);
  return {
    maxInFlight,
    maxInFlightBytes: options.maxInFlightBytes,
    maxReceiveBatch: capabilities.maxReceiveBatch,
    maxAhead: capabilities.settle === "upTo" ? 4 * maxInFlight : Number.POSITIVE_INFINITY,
  };
}

function oneOf(option: string, value: unknown, allowed: readonly string[]): void {
  if (value === undefined || allowed.includes(value as string)) return;
  throw coreErrors.WB_OPTION_INVALID({
    option,
    problem: `must be one of ${allowed.join(", ")}, not ${JSON.stringify(value)}`,
  });
}

function within(option: string, value: number, least: number, most: number): number {
  if (typeof value === "number" && value >= least && value <= most) return value;
  throw coreErrors.WB_OPTION_INVALID({
    option,
    problem: `must be from ${least} to ${most}, not ${JSON.stringify(value)}`,
  });
}

function whole(option: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value)) return within(option, value, least, most);
  throw coreErrors.WB_OPTION_INVALID({ option, problem: `must be a whole number, not ${JSON.stringify(value)}` });
}
