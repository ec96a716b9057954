const TICK_MS = 250;

export interface Pulse {
  stop(): void;
}

/**
 * Calls `stopped`, once, when the SDK's balancer has done nothing for so long. Each of its rounds begins with a question to the namespace, for which it waits
 * minutes whatever the client's retry options are, and goes on in the store. Where it does not get to the store, the connection carries nothing any more,
 * or the question was lost with the connection before it. Ticks are counted, not time: an event loop that was held up is no silent namespace.
 */
export function startPulse(
  balancer: { readonly steps: number; readonly isInStore: boolean },
  silentMs: number,
  stopped: () => void,
): Pulse {
  let seen = balancer.steps;
  let ticks = 0;
  const timer = setInterval(() => {
    if (balancer.isInStore || balancer.steps !== seen) ticks = 0;
    else ticks++;
    seen = balancer.steps;
    if (ticks * TICK_MS < silentMs) return;
    clearInterval(timer);
    stopped();
  }, TICK_MS);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
