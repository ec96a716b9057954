import { Handoff, type Outcome, type Receiver, type ReceiverCapabilities } from "@waybill/core/spi";
import { eventGridErrors } from "./errors.ts";
import type { LastDeliveries } from "./last-deliveries.ts";
import { LongPoll } from "./long-poll.ts";
import type { PullSource } from "./pull-source.ts";
import type { PulledDelivery } from "./pulled-delivery.ts";
import { type Told, tell } from "./settling.ts";

export interface ReceiverOptions {
  /** The subscription on its topic, and where there is one, the topic that reaches it alone. */
  readonly sources: readonly PullSource[];
  readonly returnTo: string | undefined;
  readonly lastDeliveries: LastDeliveries | undefined;
  readonly capabilities: ReceiverCapabilities;
  readonly lockMs: number;
  /** How long a receive waits while there is nothing. */
  readonly waitMs: number;
  readonly closed: AbortSignal;
  /** Ends what is under way. */
  close(): void;
}

/** How long `close` waits for what has arrived and must be given back, and for settlements under way. */
const CLOSE_MS = 2_000;
/** How long `close` waits for a receive call that gets what was just given back. */
const ANSWER_MS = 500;
const NEVER = new AbortController().signal;

/** Pulls from an event subscription. The service answers a receive after ten seconds at the earliest: it goes on in the background while core is told "nothing yet". */
export function createReceiver(options: ReceiverOptions): Receiver {
  const { sources, returnTo, capabilities, lastDeliveries, lockMs, waitMs, closed } = options;
  const telling = { place: sources[0]!.place, rejects: capabilities.reject };
  const handoff = new Handoff();
  const polls = sources.map((source) => new LongPoll({ source, handoff, lockMs, giveBack, lastDeliveries }));
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
  const settle = async (all: readonly Told[], signal: AbortSignal): Promise<readonly Outcome[]> => {
    checkOpen();
    const outcomes = await tell(all, telling, signal);
    if (all.some((told) => told.kind === "release" && told.delayMs === 0)) for (const poll of polls) poll.released();
    return outcomes;
  };

  /** What cannot be given back comes back when its lock ends. */
  async function giveBack(deliveries: readonly PulledDelivery[]): Promise<void> {
    const released = deliveries.map((delivery) => ({ delivery, kind: "release", delayMs: 0 }) as const);
    await tracked(tell(released, telling, NEVER).catch(() => undefined));
  }

  return {
    capabilities,
    returnTo,
    async receive(want, signal) {
      checkOpen();
      if (signal.aborted || want.max < 1) return [];
      // A failure is handed over before anything new is asked for: core then waits.
      const failed = polls.filter((poll) => poll.failed()).length > 0;
      if (!failed) for (const poll of polls) poll.ask(want);
      const deliveries = await handoff.receive(want, signal, failed ? 0 : waitMs);
      for (const delivery of deliveries) (delivery as PulledDelivery).taken = true;
      return deliveries;
    },
    settle: (settlements, signal) => tracked(settle(settlements as readonly Told[], signal)),
    async renew(deliveries, signal) {
      const until = new Date(Date.now() + lockMs);
      const all = deliveries.map((delivery) => ({ delivery: delivery as PulledDelivery, kind: "renew" }) as const);
      return (await settle(all, signal)).map((outcome) => (outcome.ok ? { ok: true, value: until } : outcome));
    },
    async close() {
      if (!open) return;
      open = false;
      const answered = Promise.all(polls.map((poll) => poll.close()));
      await Promise.race([answered, elapsed(ANSWER_MS)]);
      // What was withdrawn is on its way back by then.
      await new Promise((resolve) => setImmediate(resolve));
      await Promise.race([Promise.allSettled(underWay), elapsed(CLOSE_MS)]);
      options.close();
    },
  };
}

function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
