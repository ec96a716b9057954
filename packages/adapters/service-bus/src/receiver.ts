import type { ServiceBusClient, ServiceBusReceivedMessage } from "@azure/service-bus";
import { createCall, type Delivery, Handoff, type Outcome, type Receiver, type WireMessage } from "@waybill/core/spi";
import { MAX_RECEIVE_BATCH, receiverCapabilities } from "./capabilities.ts";
import { classify, failedCall } from "./classify.ts";
import { serviceBusErrors } from "./errors.ts";
import { Hold } from "./hold.ts";
import type { Settings } from "./options.ts";
import { OutcomeTurns } from "./outcome-turns.ts";
import { PlainSource } from "./plain-source.ts";
import type { Place } from "./receive-options.ts";
import { renewAll } from "./renewals.ts";
import { SessionSource, SOON } from "./session-source.ts";
import { abandon } from "./settle.ts";
import type { LinkSource } from "./source.ts";
import { createTeller } from "./teller.ts";

const IDLE_WAIT_MS = 1_000;
/** How long `close` waits for outcomes under way and for what it gives back. */
const CLOSE_MS = 2_000;
/** An answer lost with its connection is waited for no longer; the next try goes over another. */
const SETTLE_MS = 5_000;
/** Core asks again at once while it has room. */
const REST_MS = 20;
/** Core asks again soon while it works. What it leaves for longer than this goes to whoever has time: core is paused, or busy. */
const GIVE_BACK_MS = 1_000;

export interface ReceiverOptions {
  readonly place: Place;
  readonly returnTo: string | undefined;
  readonly settings: Settings;
  readonly connect: () => ServiceBusClient;
  readonly discard: (client: ServiceBusClient) => Promise<void>;
  readonly toMessage: (raw: ServiceBusReceivedMessage) => WireMessage;
}

/** Connects, and throws where the entity is not there, or is not what the settings say. */
export async function openReceiver(options: ReceiverOptions): Promise<Receiver> {
  const { place, returnTo, settings, connect, discard, toMessage } = options;
  const { lockMs, prefetch, requestTimeoutMs } = settings;
  const dead = place.dead === true;
  const laned = settings.sessions !== "none" && !dead;
  const handoff = new Handoff();
  const turns = new OutcomeTurns();
  const closing = new AbortController();
  const call = createCall(requestTimeoutMs, closing.signal);
  const openCall = createCall(requestTimeoutMs / 2, closing.signal);
  const settleCall = createCall(Math.min(SETTLE_MS, requestTimeoutMs), closing.signal);
  const underWay = new Set<Promise<unknown>>();
  const closed = () => serviceBusErrors.WB_SERVICE_BUS_CLOSED({ what: "receiver" });
  let open = true;
  let closeOnce: Promise<void> | undefined;
  let heardMs = Date.now();
  /** Receives under way; opening counts as one. */
  let asking = 1;
  let askedMs = Date.now();
  let firstFailure: ((error: unknown) => void) | undefined;

  const parts = {
    place,
    connect,
    discard,
    lockMs,
    prefetch,
    handoff,
    toMessage,
    arrived: () => {
      heardMs = Date.now();
    },
    isAsked: () => asking > 0 || Date.now() - askedMs <= REST_MS,
    isLeft: () => asking === 0 && Date.now() - askedMs > GIVE_BACK_MS,
    failed: (error: unknown) => {
      const failure = failedCall("Receiving from", place.label, error);
      if (firstFailure !== undefined) firstFailure(failure);
      else handoff.fail(failure);
    },
  };
  const source: LinkSource = laned
    ? new SessionSource({
        ...parts,
        maxSessions: settings.maxSessions,
        idleMs: settings.sessionIdleMs,
        holdMs: settings.sessionHoldMs,
        acceptMs: requestTimeoutMs,
      })
    : new PlainSource(parts);

  let probing = false;
  const probe = async () => {
    probing = true;
    const beforeMs = heardMs;
    try {
      const waits = await call(undefined, () => source.probe());
      // The SDK repairs a link after a broken connection, and now and then only seems to: a new one costs little.
      if (!open || !waits || heardMs !== beforeMs || !parts.isAsked()) return;
      source.drop();
      source.ensure();
    } catch (error) {
      if (!open) return;
      source.drop();
      parts.failed(error);
    } finally {
      probing = false;
      heardMs = Date.now();
    }
  };

  const idleEveryMs = laned ? settings.sessionIdleMs * SOON : Infinity;
  const everyMs = Math.max(10, Math.min(lockMs / 8, 500, idleEveryMs, settings.probeMs / 2));
  const timer = setInterval(() => {
    const nowMs = Date.now();
    source.tick(nowMs);
    if (parts.isLeft()) void finishing(giveUntakenBack());
    if (!probing && nowMs - heardMs >= settings.probeMs) void probe();
  }, everyMs);

  const resting = setTimeout(() => {
    if (open && asking === 0) source.rest?.().catch(() => undefined);
  }, REST_MS);

  const lost = (delivery: Delivery) =>
    serviceBusErrors.WB_SERVICE_BUS_LOST({ id: delivery.message.id, entity: place.label });
  const checkOpen = () => {
    if (!open) throw closed();
  };
  const held = (delivery: Delivery): Hold => {
    checkOpen();
    if (!(delivery instanceof Hold) || delivery.state !== "handed") throw lost(delivery);
    return delivery;
  };
  /** What the SDK refused, in our words; a lock that is gone is noted. */
  const refused = (hold: Hold, doing: string, error: unknown) => {
    if (classify(error) === "lost") {
      hold.lose();
      source.freed(hold);
    }
    return failedCall(doing, place.label, error);
  };
  const finishing = <T>(work: Promise<T>): Promise<T> => {
    const tracked = work.finally(() => underWay.delete(tracked));
    underWay.add(tracked);
    return tracked;
  };

  const tellAll = createTeller({
    prefix: settings.attributePrefix,
    entity: place.label,
    dead,
    turns,
    call: settleCall,
    held,
    tell: (hold, outcome) => outcome(source.settler(hold), hold.raw),
    refused,
    settled: (hold) => {
      hold.settled();
      source.freed(hold);
    },
    unanswered: () => {
      // The SDK may have repaired the link in silence: over the new one nobody answers for what came over the old. Sessions go with theirs.
      if (!open || laned) return;
      source.drop();
      if (parts.isAsked()) source.ensure();
    },
  });

  /** Each counts as a delivery at the broker; kept, they would be locked for as long as core pauses. */
  const giveUntakenBack = async () => {
    await source.rest?.().catch(() => undefined);
    if (!open || !parts.isLeft()) return;
    const left = source.withdraw?.() ?? [];
    await turns.run(left.map((hold) => async () => abandon(source.settler(hold), hold.raw)));
    for (const hold of left) source.freed(hold);
  };

  const renewOne = async (delivery: Delivery, signal: AbortSignal): Promise<Outcome<Date>> => {
    let hold: Hold;
    try {
      hold = held(delivery);
    } catch (error) {
      return { ok: false, error };
    }
    try {
      const sdk = source.settler(hold);
      const { raw, link } = hold;
      const { session } = link;
      const value =
        session === undefined
          ? hold.renewed(await call(signal, () => sdk.renewMessageLock(raw)))
          : link.renewed(await call(signal, (abortSignal) => session.renewSessionLock({ abortSignal })));
      return { ok: true, value };
    } catch (error) {
      return { ok: false, error: refused(hold, "Renewing in", error) };
    }
  };

  const giveBack = async () => {
    await source.stop().catch(() => undefined);
    await Promise.allSettled(underWay);
    const left = source.unsettled?.() ?? [];
    await turns.run(left.map((hold) => async () => abandon(source.settler(hold), hold.raw)));
    for (const hold of left) hold.lose();
    await source.close();
  };

  const close = async () => {
    open = false;
    clearInterval(timer);
    clearTimeout(resting);
    handoff.fail(closed());
    let bound: NodeJS.Timeout | undefined;
    await Promise.race([
      giveBack().catch(() => undefined),
      new Promise((resolve) => {
        bound = setTimeout(resolve, CLOSE_MS);
      }),
    ]);
    clearTimeout(bound);
    closing.abort(closed());
    source.drop();
  };

  const connectOnce = () =>
    openCall(undefined, async () => {
      const failed = new Promise<never>((_, reject) => {
        firstFailure = reject;
      });
      failed.catch(() => undefined);
      source.ensure();
      await Promise.race([failed, source.probe()]);
      // The link was asked for before the look; its refusal is here by now, and its event a moment later.
      await Promise.race([failed, new Promise((resolve) => setTimeout(resolve, 10))]);
    });
  try {
    await connectOnce().catch((error: unknown) => {
      if ((error as Partial<Error>).name !== "TimeoutError") throw error;
      // On a busy machine the first requests of a new connection were once not answered, and those of the next were.
      source.drop();
      return connectOnce();
    });
  } catch (error) {
    open = false;
    clearInterval(timer);
    clearTimeout(resting);
    source.drop();
    throw failedCall("Opening", place.label, error);
  } finally {
    firstFailure = undefined;
    asking--;
  }
  resting.refresh();

  return {
    capabilities: receiverCapabilities(lockMs, { laned, dead }),
    returnTo,
    async receive(want, signal) {
      checkOpen();
      if (signal.aborted || want.max < 1) return [];
      asking++;
      try {
        source.ensure(want);
        const max = Math.min(want.max, MAX_RECEIVE_BATCH);
        const batch = await handoff.receive({ ...want, max }, signal, IDLE_WAIT_MS);
        source.expire?.();
        return batch.filter((delivery) => delivery instanceof Hold && delivery.handed());
      } catch (error) {
        // A receive that was under way when the receiver was closed has nothing to say.
        if (open) throw error;
        return [];
      } finally {
        asking--;
        askedMs = Date.now();
        if (open) resting.refresh();
      }
    },
    settle: (settlements, signal) => finishing(tellAll(settlements, signal)),
    renew: (deliveries, signal) =>
      renewAll(
        deliveries,
        (delivery) => {
          return delivery instanceof Hold && delivery.state === "handed" ? delivery.lane : undefined;
        },
        (delivery) => renewOne(delivery, signal),
      ),
    close() {
      closeOnce ??= close();
      return closeOnce;
    },
  };
}
