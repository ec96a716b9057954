import { coreErrors } from "../errors/core-errors.ts";
import type { Adapter, Backlog, Receiver } from "../spi/adapter.ts";
import { deadTopic } from "../spi/destinations.ts";
import { RunningSubscription, type Subscription, type SubscriptionParts } from "./subscription.ts";

/** Where another adapter than the topic's keeps what returns to a subscription. */
export interface Returns {
  readonly adapter: Adapter;
  readonly receiver: Receiver;
}

/** Throws WB_RETURNS_UNSUPPORTED where nothing on that adapter reaches the subscription alone, or what is given up there would have no place. */
export function checkReturns(
  { topic, subscription }: { readonly topic: string; readonly subscription: string },
  keeper: {
    readonly adapter: string;
    /** Something there reaches the subscription alone. */
    readonly reaches: boolean;
    /** The topic's broker has a dead-letter store of its own. */
    readonly reject: boolean;
    readonly deadLetterTo: string | undefined;
  },
): void {
  const refused = (problem: string) =>
    coreErrors.WB_RETURNS_UNSUPPORTED({ topic, subscription, adapter: keeper.adapter, problem });
  if (!keeper.reaches) throw refused("nothing there reaches that subscription alone");
  if (keeper.reject && keeper.deadLetterTo === undefined)
    throw refused("the dead-letter store of the topic's broker takes only what came from there");
}

/**
 * A subscription of two parts: what the topic's broker delivers, and what returned to it alone through another broker. They share its handlers, turn by turn,
 * and its dead letters. What returned is in no order, whatever the topic keeps: it is late already.
 */
export function withReturns(parts: SubscriptionParts, returns: Returns): Subscription {
  const { scope, given, closed } = parts;
  const own = {
    ...given,
    order: "none" as const,
    deadLetterTo: given.deadLetterTo ?? deadTopic(scope.topic, scope.subscription),
  };
  const main: RunningSubscription = new RunningSubscription({
    ...parts,
    closed: end,
    beside: () => returned.pump(),
  });
  const returned: RunningSubscription = new RunningSubscription({
    ...parts,
    ...returns,
    given: own,
    closed: end,
    beside: () => main.pump(),
  });
  const both = [main, returned];
  let ended = 0;
  function end() {
    // Once: by then another subscription may have the name.
    if (++ended === both.length) closed();
  }
  const drain: Subscription["drain"] = async (options) => {
    const drained = await Promise.all(both.map((part) => part.drain(options)));
    return { abandoned: drained.reduce((sum, { abandoned }) => sum + abandoned, 0) };
  };
  return {
    topic: main.topic,
    name: main.name,
    guarantee: main.guarantee,
    get health() {
      return main.health.ok ? returned.health : main.health;
    },
    pause: async () => void (await Promise.all(both.map((part) => part.pause()))),
    resume: async () => void (await Promise.all(both.map((part) => part.resume()))),
    drain,
    close: async () => void (await Promise.all(both.map((part) => part.close()))),
    [Symbol.asyncDispose]: async () => void (await drain()),
  };
}

/** Of both parts; undefined where neither tells. */
export function sumOf(backlogs: readonly (Backlog | undefined)[]): Backlog | undefined {
  const told = backlogs.filter((one) => one !== undefined);
  if (told.length < 2) return told[0];
  const ages = told.flatMap(({ oldestMs }) => (oldestMs === undefined ? [] : [oldestMs]));
  return {
    events: told.reduce((sum, { events }) => sum + events, 0),
    oldestMs: ages.length === 0 ? undefined : Math.max(...ages),
    ...(told.every(({ events, ready }) => events === 0 || ready === false) ? { ready: false } : {}),
  };
}
