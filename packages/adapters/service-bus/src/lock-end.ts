/**
 * When a lock ends by this machine's clock. The service says when by its own: where that leaves less than `lockMs`, the entity's lock is shorter than we
 * were told, or our clock is ahead, and the earlier end is the safe one. Where it leaves nothing, the clocks are apart, and `lockMs` counts.
 */
export function lockEnd(until: Date | undefined, lockMs: number): number {
  const now = Date.now();
  const leftMs = (until?.getTime() ?? 0) - now;
  return now + (leftMs > 500 ? Math.min(leftMs, lockMs) : lockMs);
}
