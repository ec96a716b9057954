import type { Bus } from "@waybill/core";
import type { ResolvedConfig } from "./resolve-config.ts";

/** The relay asks before each reading; asking the broker that often would cost more than publishing. */
const ASK_EVERY_MS = 200;

/**
 * Holds a relay back while any declared subscription has more than `maxBacklog` events waiting. A broker that does not tell, or fails to
 * just now, holds nothing back: publishing finds out by itself.
 */
export function paceBy(
  bus: Pick<Bus, "backlog">,
  config: ResolvedConfig,
  maxBacklog: number,
  now: () => number = () => performance.now(),
): () => Promise<boolean> {
  const places = Object.entries(config.topics).flatMap(([topic, { subscriptions }]) =>
    Object.keys(subscriptions).map((subscription) => ({ topic, subscription })),
  );
  let answer = true;
  let askedAt = Number.NEGATIVE_INFINITY;
  return async () => {
    if (now() - askedAt < ASK_EVERY_MS) return answer;
    const backlogs = await Promise.allSettled(
      places.map(({ topic, subscription }) => bus.backlog(topic, subscription)),
    );
    answer = backlogs.every((one) => one.status === "rejected" || (one.value?.events ?? 0) <= maxBacklog);
    askedAt = now();
    return answer;
  };
}
