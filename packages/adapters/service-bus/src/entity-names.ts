import { checkLogicalName, createNaming, ownTopic } from "@waybill/core/spi";
import { serviceBusErrors } from "./errors.ts";
import type { Settings } from "./options.ts";

const MAX_ENTITY = 260;
const MAX_SUBSCRIPTION = 50;
/** Source: naming rules of Azure resources, Service Bus. */
const ENTITY_NAME = /^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$/;
const SUBSCRIPTION_NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;

/** What a subscription reads, and where what is for it alone is sent. */
export interface ReadPlace {
  /** A queue's name, or that of the topic when `subscription` is given. */
  readonly entity: string;
  readonly subscription?: string | undefined;
  /** For people. */
  readonly label: string;
  readonly returnTo: string | undefined;
}

export interface EntityNames {
  /** The topic or plain queue of a logical topic. */
  topic(topic: string): string;
  /** The queue that a subscription forwards to. */
  ownQueue(topic: string, subscription: string): string;
  /** Where what is published to `topic` or `topic/subscription` is sent. Throws for what cannot be sent to. */
  target(logical: string): string;
  read(topic: string, subscription: string): ReadPlace;
  /** True for what `topology` may have made: it carries our prefix and separator. */
  isOurs(physical: string): boolean;
}

const SEPARATOR = ".";

export function createEntityNames(
  settings: Pick<Settings, "prefix" | "names" | "queues" | "ownQueues" | "subscriptions">,
): EntityNames {
  const { prefix, names, queues, ownQueues } = settings;
  const derive = createNaming({
    entity: "entity",
    maxLength: MAX_ENTITY,
    separator: SEPARATOR,
    prefix,
    names,
    ignoreCase: true,
  });
  const place = (logical: string, problem: string) =>
    serviceBusErrors.WB_SERVICE_BUS_PLACE({ place: JSON.stringify(logical), problem });

  const entity = (logical: string): string => {
    const name = derive(logical);
    if (!ENTITY_NAME.test(name)) {
      const problem = "has characters that the service does not take";
      throw serviceBusErrors.WB_SERVICE_BUS_NAME({ logical, entity: String(name), problem });
    }
    return name;
  };
  const topic = (name: string): string => {
    checkLogicalName("topic", name);
    return entity(name);
  };
  const ownQueue = (name: string, subscription: string): string => {
    checkLogicalName("topic", name);
    checkLogicalName("subscription", subscription);
    return entity(ownTopic(name, subscription));
  };
  /** Without own queues a name by hand is the subscription's. */
  const named = (logical: string): string => {
    const subscription = logical.slice(logical.indexOf("/") + 1);
    return !ownQueues && Object.hasOwn(names, logical) ? names[logical]! : subscription;
  };
  const declared = [...settings.subscriptions].flatMap(([of, list]) => list.map((name) => ownTopic(of, name)));
  const known = new Set([...Object.keys(names), ...declared]);
  const subscriptionName = (of: string, subscription: string): string => {
    checkLogicalName("subscription", subscription);
    const logical = ownTopic(of, subscription);
    const name = named(logical);
    const refuse = (problem: string) => serviceBusErrors.WB_SERVICE_BUS_NAME({ logical, entity: name, problem });
    for (const other of known) {
      if (other === logical || !other.startsWith(`${of}/`) || named(other).toLowerCase() !== name.toLowerCase())
        continue;
      throw refuse(`is that of ${other} too, and they would share the messages instead of each getting all`);
    }
    if (name.length > MAX_SUBSCRIPTION || !SUBSCRIPTION_NAME.test(name))
      throw refuse(`is no subscription name of at most ${MAX_SUBSCRIPTION} characters`);
    return name;
  };

  // What can be known at construction is checked there.
  for (const name of queues) topic(name);
  for (const [name, list] of settings.subscriptions) {
    topic(name);
    for (const subscription of list) {
      if (queues.has(name)) continue;
      if (ownQueues) ownQueue(name, subscription);
      else subscriptionName(name, subscription);
    }
  }

  return {
    topic,
    ownQueue,
    target(logical) {
      const [name = "", subscription, ...rest] = logical.split("/");
      if (subscription === undefined) return topic(name);
      checkLogicalName("topic", name);
      checkLogicalName("subscription", subscription);
      if (rest.length > 0) throw place(logical, "is no place that can be sent to");
      if (queues.has(name)) return topic(name);
      if (!ownQueues) throw place(logical, "has no queue of its own, because ownQueues is false");
      return ownQueue(name, subscription);
    },
    read(name, subscription) {
      const physical = topic(name);
      checkLogicalName("subscription", subscription);
      const own = ownTopic(name, subscription);
      if (queues.has(name)) return { entity: physical, label: `queue ${physical}`, returnTo: own };
      if (ownQueues) {
        const queue = ownQueue(name, subscription);
        return { entity: queue, label: `queue ${queue}`, returnTo: own };
      }
      const there = subscriptionName(name, subscription);
      return { entity: physical, subscription: there, label: `subscription ${physical}/${there}`, returnTo: undefined };
    },
    isOurs: (physical) => prefix !== undefined && physical.startsWith(`${prefix}${SEPARATOR}`),
  };
}
