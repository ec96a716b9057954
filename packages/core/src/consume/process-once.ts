import type { Clock } from "../clock.ts";
import { coreErrors } from "../errors/core-errors.ts";
import { redacted } from "../errors/redacted.ts";
import type { Observer } from "../observe/observer.ts";
import { retryDelayMs } from "../policies/retry.ts";
import type { DeadLetterReason, Delivery } from "../spi/delivery.ts";
import type { WireMessage } from "../spi/wire-message.ts";
import { DeliveryContext, type Publish } from "./context.ts";
import { Busy, GiveUp, PermanentError, RetryLaterError } from "./give-up.ts";
import type { Handled, Pipeline } from "./pipeline.ts";
import type { ResolvedOptions } from "./resolve-options.ts";

/** What the caller of `bus.process` is to do with the message. */
export type ProcessResult =
  | { readonly kind: "ack" }
  /** Deliver it again, after about this long, with `attempt` in header `wbattempt` where the host can. */
  | { readonly kind: "release"; readonly delayMs: number; readonly attempt: number; readonly error: unknown }
  | { readonly kind: "reject"; readonly reason: DeadLetterReason };

interface Target {
  readonly topic: string;
  readonly name: string;
  readonly pipeline: Pipeline;
  readonly options: ResolvedOptions;
}

interface Surroundings {
  readonly publish: Publish;
  readonly clock: Clock;
  readonly random: () => number;
  readonly observer: Observer;
}

/** One try of one message through each subscription, one after the other; the worst answer counts, for the message is settled once. */
export async function processOnce(
  message: WireMessage,
  targets: readonly Target[],
  around: Surroundings,
): Promise<ProcessResult> {
  let worst: ProcessResult = { kind: "ack" };
  for (const target of targets) {
    const result = await tryOnce(message, target, around);
    if (result.kind === "release" || (result.kind === "reject" && worst.kind === "ack")) worst = result;
  }
  return worst;
}

async function tryOnce(message: WireMessage, target: Target, around: Surroundings): Promise<ProcessResult> {
  const { pipeline, options, topic, name: subscription } = target;
  const { clock, observer, random } = around;
  const never = new AbortController();
  const delivery: Delivery = { message, lost: never.signal, raw: undefined };
  let attempt = 1;
  let context: DeliveryContext | undefined;
  try {
    const { event, bookkeeping } = pipeline.decode(message);
    attempt = bookkeeping.attempt ?? 1;
    context = new DeliveryContext(
      { topic, subscription, publish: around.publish },
      delivery,
      attempt,
      (bookkeeping.redrives ?? 0) > 0,
    );
    const handled =
      (await withTimeout(pipeline.run(event, context), context, options.handlerTimeoutMs, clock)) ?? "processed";
    observer[handled]?.({ topic, subscription, id: event.id, type: event.type, attempt });
    return { kind: "ack" };
  } catch (error) {
    const id = context?.event?.id ?? message.id;
    const seen = { topic, subscription, id, type: context?.event?.type, attempt };
    if (error instanceof Busy)
      return {
        kind: "release",
        delayMs: error.delayMs,
        attempt,
        error: new Error("Another consumer has this event in hand."),
      };
    const permanent = error instanceof GiveUp || error instanceof PermanentError;
    if (!permanent && attempt < options.retry.attempts) {
      const delayMs = error instanceof RetryLaterError ? error.delayMs : retryDelayMs(options.retry, attempt, random);
      observer.retrying?.({ ...seen, error, delayMs, way: "release" });
      return { kind: "release", delayMs, attempt: attempt + 1, error };
    }
    const code = error instanceof GiveUp ? error.code : permanent ? "rejected" : "handler-failed";
    const now = new Date(clock.now()).toISOString();
    const cause = error instanceof GiveUp ? error.error : error;
    const reason = {
      reason: code,
      error: redacted(cause),
      attempts: attempt,
      topic,
      subscription,
      firstFailure: now,
      time: now,
    };
    observer.deadLettered?.({ ...seen, reason });
    return { kind: "reject", reason };
  } finally {
    context?.end();
  }
}

function withTimeout(
  running: Handled | Promise<Handled | undefined>,
  context: DeliveryContext,
  timeoutMs: number,
  clock: Clock,
): Handled | Promise<Handled | undefined> {
  if (typeof running === "string") return running;
  return new Promise<Handled | undefined>((resolve, reject) => {
    const timer = clock.after(timeoutMs, () => {
      const error = coreErrors.WB_HANDLER_TIMEOUT({ timeoutMs });
      context.abort(error);
      reject(error);
    });
    running.then(resolve, reject).finally(() => timer.clear());
  });
}
