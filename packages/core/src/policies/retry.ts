/** When and how often a failed event is tried again. */
export interface RetryOptions {
  /** Tries in all, the first one included, 1 to 1 000. Default 5. */
  readonly attempts?: number;
  /** Wait before the second attempt. Default 200. */
  readonly initialMs?: number;
  /** Each further wait is so many times longer. Default 2. */
  readonly factor?: number;
  /** No wait is longer. Default 60 000. */
  readonly maxMs?: number;
  /** Share of each wait that is random, 0 to 1, so that failed events do not come back together. Default 0.2. */
  readonly jitter?: number;
  /** Waits up to this stay in this process under the lease; longer ones go back to the broker where it can. Default 1 000. */
  readonly inPlaceMs?: number;
}

/** The wait after `attempt` (from 1) has failed. `random` is in [0, 1). */
export function retryDelayMs(retry: Required<RetryOptions>, attempt: number, random: () => number): number {
  const exact = Math.min(retry.maxMs, retry.initialMs * retry.factor ** (attempt - 1));
  return Math.round(exact * (1 - retry.jitter * random()));
}
