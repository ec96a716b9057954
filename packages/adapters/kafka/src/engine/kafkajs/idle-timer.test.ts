import { createRequire } from "node:module";
import { expect, it, vi } from "vitest";
import { stopIdleTimer } from "./idle-timer.ts";

it("arms no timer on a connection where nothing waits, and one where something does", () => {
  stopIdleTimer();
  stopIdleTimer();
  const { prototype } = createRequire(import.meta.url)("kafkajs/src/network/requestQueue") as {
    prototype: { scheduleCheckPendingRequests(): void };
  };
  const timers = vi.spyOn(globalThis, "setTimeout");
  const schedule = (queue: object) => prototype.scheduleCheckPendingRequests.call(queue);
  schedule({ pending: [], throttledUntil: -1 });
  expect(timers).not.toHaveBeenCalled();
  const waiting = { pending: [{}], throttledUntil: -1, throttleCheckTimeoutId: null as NodeJS.Timeout | null };
  schedule(waiting);
  expect(timers).toHaveBeenCalledTimes(1);
  clearTimeout(waiting.throttleCheckTimeoutId!);
  timers.mockRestore();
});
