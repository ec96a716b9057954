import {
  done,
  Handoff,
  type Outcome,
  type Receiver,
  type ReceiverCapabilities,
  type Settlement,
} from "@waybill/core/spi";
import { MAX_PER_CALL, RELEASE_STEPS_MS } from "./capabilities.ts";
import { classify } from "./classify.ts";
import { eventGridErrors } from "./errors.ts";
import { LongPoll } from "./long-poll.ts";
import type { PullSource, TokenCall } from "./pull-source.ts";
import type { PulledDelivery } from "./pulled-delivery.ts";

export interface ReceiverOptions {
  /** The subscription on its topic, and where there is one, the topic that reaches it alone. */
  readonly sources: readonly PullSource[];
  readonly returnTo: string | undefined;
  readonly capabilities: ReceiverCapabilities;
  readonly lockMs: number;
  readonly closed: AbortSignal;
  /** Ends what is under way. */
  close(): void;
}

/** How long `close` waits for what has arrived and must be given back, and for settlements under way. */
const CLOSE_MS = 2_000;

/** Pulls from an event subscription. The service answers a receive after ten seconds at the earliest: it goes on in the background while core is told "nothing yet". */
export function createReceiver(options: ReceiverOptions): Receiver {
  const { sources, returnTo, capabilities, lockMs, closed } = options;
  const handoff = new Handoff();
  const polls = sources.map((source) => new LongPoll({ source, handoff, lockMs, giveBack }));
  const underWay = new Set<Promise<unknown>>();
  let open = true;
  const checkOpen = () => {
    if (!open || closed.aborted) throw eventGridErrors.WB_EVENT_GRID_CLOSED({ what: "receiver" });
  };
  const tracked = <T>(work: Promise<T>): Promise<T> => {
    const done = work.finally(() => underWay.delete(done));
    underWay.add(done);
    return done;
  };

  /** What cannot be given back comes back when its lock ends. */
  async function giveBack(deliveries: readonly PulledDelivery[]): Promise<void> {
    const calls = [...grouped(deliveries.map((delivery) => ({ delivery, kind: "release", delayMs: 0 })))];
    await tracked(
      Promise.allSettled(calls.map(({ source, what, items }) => source.settle(what, items.map(tokenOf), undefined))),
    );
  }

  const tell = async ({ source, what, items }: Group, outcomes: Map<PulledDelivery, Outcome>, signal: AbortSignal) => {
    let failures: ReadonlyMap<string, unknown>;
    try {
      failures = await source.settle(what, items.map(tokenOf), signal);
    } catch (error) {
      for (const item of items) outcomes.set(item, { ok: false, error });
      return;
    }
    for (const item of items) {
      const cause = failures.get(item.token);
      outcomes.set(item, cause === undefined ? done : { ok: false, error: refusal(item, cause) });
    }
  };

  const settle = async (settlements: readonly Settlement[], signal: AbortSignal): Promise<readonly Outcome[]> => {
    checkOpen();
    const answers: Outcome[] = [];
    const told: { settlement: Settlement & { delivery: PulledDelivery }; index: number }[] = [];
    for (const [index, settlement] of settlements.entries()) {
      if (settlement.kind === "reject" && !capabilities.reject) {
        answers[index] = { ok: false, error: eventGridErrors.WB_EVENT_GRID_REJECT({ place: sources[0]!.place }) };
      } else told.push({ settlement: settlement as Settlement & { delivery: PulledDelivery }, index });
    }
    const outcomes = new Map<PulledDelivery, Outcome>();
    const groups = [...grouped(told.map(({ settlement }) => settlement))];
    await Promise.all(groups.map((group) => tell(group, outcomes, signal)));
    for (const { settlement, index } of told) answers[index] = outcomes.get(settlement.delivery)!;
    return answers;
  };

  return {
    capabilities,
    returnTo,
    async receive(want, signal) {
      checkOpen();
      if (signal.aborted || want.max < 1) return [];
      // A failure is handed over before anything new is asked for: core then waits.
      const failed = polls.some((poll) => poll.failed());
      if (!failed) for (const poll of polls) poll.ask(want);
      const deliveries = await handoff.receive(want, signal, failed ? 0 : undefined);
      for (const delivery of deliveries) (delivery as PulledDelivery).taken = true;
      return deliveries;
    },
    settle: (settlements, signal) => tracked(settle(settlements, signal)),
    async renew(deliveries, signal) {
      checkOpen();
      const untilMs = Date.now() + lockMs;
      const outcomes = new Map<PulledDelivery, Outcome>();
      const renewals = deliveries.map((delivery) => ({ delivery: delivery as PulledDelivery, kind: "renew" as const }));
      await Promise.all([...grouped(renewals)].map((group) => tell(group, outcomes, signal)));
      return deliveries.map((delivery): Outcome<Date> => {
        const outcome = outcomes.get(delivery as PulledDelivery)!;
        return outcome.ok ? { ok: true, value: new Date(untilMs) } : outcome;
      });
    },
    async close() {
      if (!open) return;
      open = false;
      for (const poll of polls) poll.close();
      // A timer's turn: what was withdrawn is on its way back by then.
      await new Promise((resolve) => setImmediate(resolve));
      const late = AbortSignal.timeout(CLOSE_MS);
      await Promise.race([
        Promise.allSettled(underWay),
        new Promise((resolve) => late.addEventListener("abort", resolve)),
      ]);
      options.close();
    },
  };
}

interface Group {
  readonly source: PullSource;
  readonly what: TokenCall;
  readonly items: readonly PulledDelivery[];
}

type Told =
  | (Settlement & { readonly delivery: PulledDelivery })
  | { readonly kind: "renew"; readonly delivery: PulledDelivery }
  | { readonly kind: string; readonly delivery: PulledDelivery; readonly delayMs?: number };

/** What goes into one call: same source, same operation, same delay, no more tokens than a receive hands out. */
function* grouped(all: readonly Told[]): Generator<Group> {
  const groups = new Map<PullSource, Map<string, { what: TokenCall; items: PulledDelivery[] }>>();
  for (const told of all) {
    const what = callOf(told);
    const name = "delayMs" in what ? `${what.operation} ${what.delayMs}` : what.operation;
    const ofSource = groups.get(told.delivery.source) ?? new Map();
    groups.set(told.delivery.source, ofSource);
    const group = ofSource.get(name) ?? { what, items: [] };
    ofSource.set(name, group);
    group.items.push(told.delivery);
  }
  for (const [source, ofSource] of groups) {
    for (const { what, items } of ofSource.values()) {
      for (let from = 0; from < items.length; from += MAX_PER_CALL) {
        yield { source, what, items: items.slice(from, from + MAX_PER_CALL) };
      }
    }
  }
}

function callOf(told: Told): TokenCall {
  if (told.kind === "ack") return { operation: "acknowledge" };
  if (told.kind === "reject") return { operation: "reject" };
  if (told.kind === "renew") return { operation: "renewLock" };
  const { delayMs = 0 } = told as { delayMs?: number };
  const step = RELEASE_STEPS_MS.find((one) => one >= delayMs) ?? RELEASE_STEPS_MS.at(-1)!;
  return { operation: "release", delayMs: step };
}

const tokenOf = (delivery: PulledDelivery) => delivery.token;

/** A lock that is gone aborts the delivery's `lost`; anything else may pass. */
function refusal(delivery: PulledDelivery, cause: unknown): unknown {
  if (classify(cause) !== "lost") return cause;
  const error = eventGridErrors.WB_EVENT_GRID_LOST({ id: delivery.message.id, place: delivery.source.place }, cause);
  delivery.lose(error);
  return error;
}
