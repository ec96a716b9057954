import { checkLogicalName, createNaming, ownTopic } from "@waybill/core/spi";
import { eventGridErrors } from "./errors.ts";
import type { Settings } from "./options.ts";

const NAME = /^[A-Za-z0-9-]+$/;
const MIN_LENGTH = 3;
const MAX_TOPIC = 50;
const MAX_SUBSCRIPTION = 64;
/** No logical name contains it. */
const SEPARATOR = "--";
/** Stands before the name of a subscription that is shorter than the service allows. */
const SHORT = `sub${SEPARATOR}`;

export interface Names {
  /** `orders`, `orders/billing` (what reaches that subscription alone), `orders/billing/dead`. Throws for a name that no topic can have. */
  topic(logical: string): string;
  /** The event subscription of a subscription on that topic. */
  subscription(topic: string, subscription: string): string;
}

/** `names` sets by hand: `orders` and `orders/billing/dead` a topic, `orders/billing` the event subscription, `orders/billing/own` the topic that reaches it alone. */
export function createNames({
  prefix,
  names,
  subscriptions,
}: Pick<Settings, "prefix" | "names" | "subscriptions">): Names {
  const byHand = { ...names };
  const topics: Record<string, string> = {};
  for (const [logical, name] of Object.entries(byHand)) {
    const parts = logical.split("/");
    if (parts.length === 1 || parts[2] === "dead") topics[logical] = name;
    else if (parts[2] === "own") topics[parts.slice(0, 2).join("/")] = name;
    else if (parts.length !== 2) throw unknownKey(logical);
  }
  const physical = createNaming({
    entity: "topic",
    maxLength: MAX_TOPIC,
    separator: SEPARATOR,
    prefix,
    names: topics,
    ignoreCase: true,
  });
  const topic = (logical: string): string => {
    for (const part of logical.split("/").slice(0, 2)) checkLogicalName("topic", part);
    return checked("topic", logical, physical(logical), MAX_TOPIC);
  };
  const nameOf = (of: string, name: string): string => {
    const logical = ownTopic(of, name);
    const given = Object.hasOwn(byHand, logical) && !of.includes("/") ? byHand[logical] : undefined;
    return given ?? (name.length < MIN_LENGTH ? SHORT + name : name);
  };
  const known = new Map<string, Set<string>>();
  const know = (of: string, name: string) => known.set(of, (known.get(of) ?? new Set()).add(name));
  for (const [of, list] of subscriptions) for (const name of list) know(of, name);
  for (const [of = "", name, ...rest] of Object.keys(byHand).map((logical) => logical.split("/")))
    if (name !== undefined && rest.length === 0) know(of, name);
  const subscription = (of: string, name: string): string => {
    checkLogicalName("subscription", name);
    const logical = ownTopic(of, name);
    const found = checked("event subscription", logical, nameOf(of, name), MAX_SUBSCRIPTION);
    for (const other of known.get(of) ?? []) {
      if (other === name || nameOf(of, other).toLowerCase() !== found.toLowerCase()) continue;
      const problem = `is that of ${ownTopic(of, other)} too, and they would share the events instead of each getting all`;
      throw eventGridErrors.WB_EVENT_GRID_NAME({ entity: "event subscription", logical, name: found, problem });
    }
    return found;
  };
  // What can be known at construction is checked there.
  for (const logical of Object.keys(topics)) topic(logical);
  for (const [of, list] of known) for (const name of list) subscription(of, name);
  return { topic, subscription };
}

function checked(entity: string, logical: string, name: string, maxLength: number): string {
  const problem =
    typeof name !== "string" || !NAME.test(name)
      ? "has characters that it cannot have"
      : name.length < MIN_LENGTH
        ? `is shorter than ${MIN_LENGTH} characters`
        : name.length > maxLength
          ? `is longer than ${maxLength} characters`
          : undefined;
  if (problem !== undefined) throw eventGridErrors.WB_EVENT_GRID_NAME({ entity, logical, name: String(name), problem });
  return name;
}

const unknownKey = (logical: string) =>
  eventGridErrors.WB_EVENT_GRID_OPTION({
    option: `names[${JSON.stringify(logical)}]`,
    problem: "names nothing: keys are topic, topic/subscription, topic/subscription/own and topic/subscription/dead",
  });
