import { setTimeout as sleep } from "node:timers/promises";

const LOOK_EVERY_MS = 100;

/**
 * Looks until `done`. Answers false when `watched` has not changed for `stallMs`: whatever is missing will not come any more. Rejects with the signal's reason.
 */
export async function waitUntil(
  look: () => Promise<{ done: boolean; watched: string }>,
  { stallMs, signal }: { stallMs: number; signal: AbortSignal },
): Promise<boolean> {
  let before = "";
  let changedAt = performance.now();
  for (;;) {
    const { done, watched } = await look();
    if (done) return true;
    if (watched !== before) changedAt = performance.now();
    else if (performance.now() - changedAt > stallMs) return false;
    before = watched;
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
}
