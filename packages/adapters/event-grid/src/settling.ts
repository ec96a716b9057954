import { done, type Outcome, type Settlement } from "@waybill/core/spi";
import { MAX_PER_CALL, RELEASE_STEPS_MS } from "./capabilities.ts";
import { classify } from "./classify.ts";
import { eventGridErrors } from "./errors.ts";
import type { PullSource, TokenCall } from "./pull-source.ts";
import type { PulledDelivery } from "./pulled-delivery.ts";

/** What the service is told of one event. */
export type Told =
  | (Settlement & { readonly delivery: PulledDelivery })
  | { readonly kind: "renew"; readonly delivery: PulledDelivery };

export interface TellingOptions {
  /** For errors: topic/subscription. */
  readonly place: string;
  readonly rejects: boolean;
}

/** Tells the service outcomes, in as few calls as it takes; answers one each, in the same order. */
export async function tell(
  all: readonly Told[],
  options: TellingOptions,
  signal: AbortSignal,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  const open: Indexed[] = [];
  for (const [index, told] of all.entries()) {
    if (told.kind === "reject" && !options.rejects) {
      outcomes[index] = { ok: false, error: eventGridErrors.WB_EVENT_GRID_REJECT({ place: options.place }) };
    } else open.push({ index, told });
  }
  await Promise.all([...grouped(open)].map((group) => call(group, outcomes, signal)));
  return outcomes;
}

interface Indexed {
  readonly index: number;
  readonly told: Told;
}

interface Group {
  readonly source: PullSource;
  readonly what: TokenCall;
  readonly items: readonly Indexed[];
}

async function call({ source, what, items }: Group, outcomes: Outcome[], signal: AbortSignal): Promise<void> {
  let failures: ReadonlyMap<string, unknown>;
  try {
    const tokens = items.map(({ told }) => told.delivery.token);
    failures = await source.settle(what, tokens, signal);
  } catch (error) {
    for (const { index } of items) outcomes[index] = { ok: false, error };
    return;
  }
  for (const { index, told } of items) {
    const cause = failures.get(told.delivery.token);
    outcomes[index] = cause === undefined ? done : { ok: false, error: refusal(told.delivery, cause) };
  }
}

/** What goes into one call: same source, same operation, same delay, no more tokens than a receive hands out. */
function* grouped(all: readonly Indexed[]): Generator<Group> {
  const groups = new Map<PullSource, Map<string, { what: TokenCall; items: Indexed[] }>>();
  for (const one of all) {
    const { source } = one.told.delivery;
    const what = callOf(one.told);
    const name = nameOf(what);
    const ofSource = groups.get(source) ?? new Map<string, { what: TokenCall; items: Indexed[] }>();
    groups.set(source, ofSource);
    const group = ofSource.get(name) ?? { what, items: [] };
    ofSource.set(name, group);
    group.items.push(one);
  }
  for (const [source, ofSource] of groups) {
    for (const { what, items } of ofSource.values()) {
      for (let from = 0; from < items.length; from += MAX_PER_CALL) {
        yield { source, what, items: items.slice(from, from + MAX_PER_CALL) };
      }
    }
  }
}

const nameOf = (what: TokenCall) => (what.operation === "release" ? `release ${what.delayMs}` : what.operation);

function callOf(told: Told): TokenCall {
  if (told.kind === "ack") return { operation: "acknowledge" };
  if (told.kind === "reject") return { operation: "reject" };
  if (told.kind === "renew") return { operation: "renewLock" };
  const delayMs = RELEASE_STEPS_MS.find((step) => step >= told.delayMs) ?? RELEASE_STEPS_MS.at(-1)!;
  return { operation: "release", delayMs };
}

/** A lock that is gone aborts the delivery's `lost`; anything else may pass. */
function refusal(delivery: PulledDelivery, cause: unknown): unknown {
  if (classify(cause) !== "lost") return cause;
  const error = eventGridErrors.WB_EVENT_GRID_LOST({ id: delivery.message.id, place: delivery.source.place }, cause);
  delivery.lose(error);
  return error;
}
