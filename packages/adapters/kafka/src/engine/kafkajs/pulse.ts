import type { Consumer } from "kafkajs";
import type { Settings } from "../../options.ts";

/**
 * Calls `stopped` when the broker has not heard of this member for a whole session: then its partitions are others', whatever kafkajs believes.
 * The heartbeats ride on kafkajs' fetch loop, so that a loop that stalled without a word (#659, #1072, #1456) is noticed as well.
 */
export function createPulse(
  consumer: Consumer,
  { sessionTimeoutMs, rebalanceTimeoutMs }: Pick<Settings, "sessionTimeoutMs" | "rebalanceTimeoutMs">,
  stopped: () => void,
): { stop(): void } {
  let lastMs: number | undefined;
  let patienceMs = sessionTimeoutMs;
  const beat = () => {
    lastMs = performance.now();
    patienceMs = sessionTimeoutMs;
  };
  consumer.on(consumer.events.HEARTBEAT, beat);
  consumer.on(consumer.events.GROUP_JOIN, beat);
  // While the group joins anew, the broker waits for its slowest member.
  consumer.on(consumer.events.REBALANCING, () => {
    patienceMs = sessionTimeoutMs + rebalanceTimeoutMs;
  });
  const timer = setInterval(() => {
    if (lastMs !== undefined && performance.now() - lastMs > patienceMs) stopped();
  }, sessionTimeoutMs / 4);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
