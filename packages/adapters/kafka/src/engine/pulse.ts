import type { Settings } from "../options.ts";

export interface Pulse {
  /** The broker has heard of this member. */
  beat(): void;
  /** The group comes together anew: the broker waits for its slowest member, and hears nothing of the others meanwhile. */
  rebalancing(): void;
  stop(): void;
}

/**
 * Calls `stopped` when the broker has not heard of this member for a whole session: then its partitions are others', whatever the client
 * library believes. kafkajs' heartbeats ride on its fetch loop, so that a loop that stalled without a word (#659, #1072, #1456) is noticed as well.
 */
export function createPulse(
  { sessionTimeoutMs, rebalanceTimeoutMs }: Pick<Settings, "sessionTimeoutMs" | "rebalanceTimeoutMs">,
  stopped: () => void,
): Pulse {
  let lastMs: number | undefined;
  let patienceMs = sessionTimeoutMs;
  const timer = setInterval(() => {
    if (lastMs !== undefined && performance.now() - lastMs > patienceMs) stopped();
  }, sessionTimeoutMs / 4);
  timer.unref();
  return {
    beat() {
      lastMs = performance.now();
      patienceMs = sessionTimeoutMs;
    },
    rebalancing() {
      patienceMs = sessionTimeoutMs + rebalanceTimeoutMs;
    },
    stop: () => clearInterval(timer),
  };
}
