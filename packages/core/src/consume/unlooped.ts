import type { ContextScope } from "./context.ts";
import type { SubscribeOptions } from "./subscribe-options.ts";
import type { Subscription } from "./subscription.ts";

/** A subscription that receives nothing: only `bus.process` runs it. */
export function unlooped(scope: ContextScope, given: SubscribeOptions<unknown>, closed: () => void): Subscription {
  const nothing = async () => undefined;
  let open = true;
  /** Once: by then another subscription may have the name. */
  const close = async () => {
    if (open) closed();
    open = false;
  };
  const drain = async () => {
    await close();
    return { abandoned: 0 };
  };
  return {
    topic: scope.topic,
    name: scope.subscription,
    guarantee: {
      order: "none",
      delivery: given.inbox === undefined ? "at-least-once" : "at-least-once, idempotent",
      retry: "release",
      deadLetter: "native",
    },
    health: { ok: true },
    pause: nothing,
    resume: nothing,
    drain,
    close,
    [Symbol.asyncDispose]: close,
  };
}
