import { retryDelayMs } from "../policies/retry.ts";
import type { SenderCapabilities } from "../spi/capabilities.ts";
import type { Description } from "../spi/description.ts";
import { type Granted, grant } from "./guarantee.ts";
import { resolveOptions } from "./resolve-options.ts";
import { chooseRetryWay, type RetryWay } from "./retry-way.ts";
import { checkReturns } from "./returns.ts";
import type { SubscribeOptions } from "./subscribe-options.ts";

/** The wait before one attempt, jitter left out, and who keeps the event meanwhile. */
export interface RetryStep {
  /** From 2. */
  readonly attempt: number;
  readonly delayMs: number;
  readonly way: RetryWay["kind"];
}

/**
 * One thing that applications may rely on. `native`: the broker does it. `emulated`: core does. `none`: nobody does, and nothing fails for
 * it. `refused`: asking for it is an error.
 */
export interface Finding {
  readonly feature: string;
  readonly how: "native" | "emulated" | "none" | "refused";
  /** Without a full stop. */
  readonly detail: string;
  /** The subscription asks for it, so that it cannot start. */
  readonly blocks?: true;
}

/** What a subscription would get, before it is opened. */
export interface Assessment {
  /** Undefined when it is refused. */
  readonly granted: Granted | undefined;
  readonly retries: readonly RetryStep[];
  readonly findings: readonly Finding[];
}

export interface AssessOptions {
  readonly topic: string;
  /** As `bus.subscribe` would get them. */
  readonly options: SubscribeOptions<unknown>;
  readonly description: Description;
  /** Of the adapter that keeps what returns to the subscription, where it is another than the topic's. */
  readonly returns?: { readonly adapter: string; readonly description: Description } | undefined;
  /** An inbox is configured, and the code passes it. */
  readonly inbox: boolean;
  /** Events may go through an outbox. */
  readonly outbox: boolean;
  readonly claimCheck: boolean;
}

/** Decides by the same functions as a running subscription does, so that it cannot say anything else. Throws what `subscribe` would for wrong options. */
export function assess(asked: AssessOptions): Assessment {
  const { topic, options, description, inbox } = asked;
  const { receiver } = description;
  const returnSender = (asked.returns?.description ?? description).returnSender;
  const { retry } = resolveOptions(options);
  const place = { topic, subscription: options.name };
  if (asked.returns !== undefined) {
    const { adapter } = asked.returns;
    const { deadLetterTo } = options;
    checkReturns(place, { adapter, reaches: returnSender !== undefined, reject: receiver.reject, deadLetterTo });
  }
  const granted = grant(place, { ...options, idempotent: inbox }, receiver, returnSender);
  if (granted === undefined) return { granted, retries: [], findings: findingsOf(asked, granted, [], returnSender) };
  const ordered = granted.guarantee.order === "per-key";
  const leaseLeftMs = receiver.lease !== false && !receiver.lease.renewable ? receiver.lease.ms : undefined;
  const retries = Array.from({ length: retry.attempts - 1 }, (_, index): RetryStep => {
    const askedMs = retryDelayMs(retry, index + 1, () => 0);
    const { inPlaceMs } = retry;
    const way = chooseRetryWay({ delayMs: askedMs, ordered, inPlaceMs, receiver, returnSender, leaseLeftMs });
    return { attempt: index + 2, delayMs: way.kind === "release" ? way.delayMs : askedMs, way: way.kind };
  });
  return { granted, retries, findings: findingsOf(asked, granted, retries, returnSender) };
}

function findingsOf(
  { topic, options, description, inbox, outbox, claimCheck }: AssessOptions,
  granted: Granted | undefined,
  retries: readonly RetryStep[],
  returnSender: SenderCapabilities | undefined,
): Finding[] {
  const { sender, receiver } = description;
  const native = (feature: string, detail: string): Finding => ({ feature, how: "native", detail });
  const emulated = (feature: string, detail: string): Finding => ({ feature, how: "emulated", detail });
  const none = (feature: string, detail: string): Finding => ({ feature, how: "none", detail });
  const refused = (feature: string, detail: string): Finding => ({ feature, how: "refused", detail });
  return [
    granted === undefined
      ? { ...refused("order per key", "the subscription requires it, and this source keeps none"), blocks: true }
      : receiver.order === "lane"
        ? native("order per key", options.order === "none" ? "not asked for" : "one event of a key at a time")
        : none("order per key", "events of one key may be handled in any order and at once"),
    sender.dedupe
      ? native("duplicate detection", "the broker drops a second message of one id")
      : inbox
        ? emulated("duplicate detection", "the inbox, where the code passes it to subscribe")
        : none("duplicate detection", "a duplicate is handled twice; an inbox prevents it"),
    ...(granted === undefined ? [] : [laterRetries(granted, retries), deadLetters(granted)]),
    returnSender === undefined
      ? refused("redrive to it alone", "nothing reaches this subscription alone; redrive to a topic instead")
      : native("redrive to it alone", "what is redriven reaches no other subscription"),
    sender.schedule !== false
      ? native("scheduled events", `held by the broker for up to ${inWords(sender.schedule.maxDelayMs)}`)
      : outbox
        ? emulated("scheduled events", "through the outbox; published directly they are refused")
        : refused("scheduled events", "the broker holds nothing back; an outbox would"),
    sender.fanOut
      ? native("fan-out", "the broker copies to every subscription")
      : emulated("fan-out", `the sender writes one copy for each declared subscription of ${topic}`),
    sender.headers
      ? native("attributes beside the data", "CloudEvents in binary mode")
      : emulated("attributes beside the data", "CloudEvents in structured mode: one JSON document"),
    claimCheck
      ? emulated(
          "events above the limit",
          `the data of what exceeds ${sender.maxMessageBytes} bytes goes to the claim check`,
        )
      : refused("events above the limit", `more than ${sender.maxMessageBytes} bytes; a claim check would take them`),
    receiver.lease === false || receiver.lease.renewable
      ? native("long handlers", receiver.lease === false ? "the position is kept meanwhile" : "the lease is renewed")
      : none("long handlers", `after ${inWords(receiver.lease.ms)} the event is delivered again`),
  ];
}

function deadLetters({ deadLetterTo, guarantee }: Granted): Finding {
  const feature = "dead letters";
  if (guarantee.deadLetter === "none") {
    const detail = `nothing is declared for ${deadLetterTo}: what is given up comes again until the broker drops it; name a topic in deadLetterTo`;
    return { feature, how: "refused", detail };
  }
  return deadLetterTo === undefined
    ? { feature, how: "native", detail: "the broker's own store" }
    : { feature, how: "emulated", detail: `copied to ${deadLetterTo}, then acked` };
}

function laterRetries({ guarantee }: Granted, retries: readonly RetryStep[]): Finding {
  const feature = "later retries";
  if (retries.length === 0) return { feature, how: "none", detail: "no second attempt" };
  const ways = new Set(retries.map(({ way }) => way));
  if (ways.has("release")) return { feature, how: "native", detail: "given back to the broker, which waits" };
  if (ways.has("copy")) {
    return { feature, how: "emulated", detail: "a scheduled copy to where only this subscription reads" };
  }
  const what = guarantee.order === "per-key" ? "the event, and its key behind it" : "the event";
  return { feature, how: "emulated", detail: `the consumer keeps ${what}` };
}

/** `90s`, `5m`, `7d`: as config files write durations. */
function inWords(ms: number): string {
  const units = [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1_000],
  ] as const;
  const unit = units.find(([, size]) => ms >= size && ms % size === 0);
  return unit === undefined ? `${ms}ms` : `${ms / unit[1]}${unit[0]}`;
}
