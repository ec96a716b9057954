const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Where the events go decides which answers are final. */
export type TargetKind = "webhook" | "azure";

export interface RetryRules {
  /** The wait after the n-th failed attempt; the last one repeats. Milliseconds. */
  readonly scheduleMs: readonly number[];
  readonly final: ReadonlySet<number>;
  /** Waits that are longer than the schedule says, by status. */
  readonly minimumMs: ReadonlyMap<number, number>;
  /** Whether an attempt is made again that had no answer at all. */
  readonly retriesSilence: boolean;
}

/** Custom topics. The service adds a random part and may skip steps; here the steps are exact. */
const CUSTOM_TOPIC_SCHEDULE = [
  10 * SECOND,
  30 * SECOND,
  MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
];

const RULES: Readonly<Record<TargetKind, RetryRules>> = {
  webhook: {
    scheduleMs: CUSTOM_TOPIC_SCHEDULE,
    final: new Set([400, 401, 403, 413]),
    minimumMs: new Map([
      [404, 5 * MINUTE],
      [408, 2 * MINUTE],
      [503, 30 * SECOND],
    ]),
    retriesSilence: true,
  },
  azure: {
    scheduleMs: CUSTOM_TOPIC_SCHEDULE,
    final: new Set([400, 403, 413]),
    minimumMs: new Map([
      [401, 5 * MINUTE],
      [404, 5 * MINUTE],
      [408, 2 * MINUTE],
      [503, 30 * SECOND],
    ]),
    retriesSilence: true,
  },
};

const NAMESPACE_TOPIC_RULES: RetryRules = {
  scheduleMs: [0, 10 * SECOND, 30 * SECOND, MINUTE, 5 * MINUTE],
  final: new Set([400, 401, 403, 404, 413, 414]),
  minimumMs: new Map([
    [408, 2 * MINUTE],
    [503, 30 * SECOND],
  ]),
  retriesSilence: false,
};

export const retryRules = (kind: TargetKind, isNamespace: boolean): RetryRules =>
  isNamespace ? NAMESPACE_TOPIC_RULES : RULES[kind];

/** What became of an attempt. `status` is absent when nothing answered. */
export interface FailedAttempt {
  readonly status: number | undefined;
  /** The service's word for it: `lastDeliveryOutcome` of a dead letter. */
  readonly outcome: string;
}

/** Milliseconds to the next attempt; undefined when there is none. `attempts` counts those made, from 1. */
export function waitAfter(rules: RetryRules, attempts: number, { status }: FailedAttempt): number | undefined {
  if (status === undefined ? !rules.retriesSilence : rules.final.has(status)) return undefined;
  const step = rules.scheduleMs[Math.min(attempts, rules.scheduleMs.length) - 1]!;
  return Math.max(step, status === undefined ? 0 : (rules.minimumMs.get(status) ?? 0));
}

const OUTCOMES: Readonly<Record<number, string>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  408: "TimedOut",
  413: "PayloadTooLarge",
  429: "Busy",
  503: "Busy",
};

export const outcomeOf = (status: number): string => OUTCOMES[status] ?? "GenericError";

/** The only statuses that mean delivered. */
export const isSuccess = (status: number): boolean => status >= 200 && status <= 204;
