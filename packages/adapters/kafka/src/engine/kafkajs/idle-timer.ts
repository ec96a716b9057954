import { createRequire } from "node:module";

interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  scheduleCheckPendingRequests(): void;
}

const patched = Symbol.for("waybill.kafkajs.idle-timer");

/**
 * kafkajs 2.2.4 arms a timer on every connection even when nothing waits, with a delay in the past, which Node makes 1 ms: some 900 wake-ups a second for ever, and a
 * TimeoutNegativeWarning (kafkajs #1751; fixes #1755 and #1768 were never merged). Nothing is scheduled now unless something waits or the broker throttles.
 */
export function stopIdleTimer(): void {
  const { prototype } = createRequire(import.meta.url)("kafkajs/src/network/requestQueue") as {
    prototype: RequestQueue & { [patched]?: true };
  };
  if (prototype[patched]) return;
  const original = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function scheduleCheckPendingRequests(this: RequestQueue) {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) original.call(this);
  };
  prototype[patched] = true;
}
