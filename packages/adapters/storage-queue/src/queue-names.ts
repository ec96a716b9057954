import { checkLogicalName, createNaming, deadTopic, ownTopic } from "@waybill/core/spi";
import { storageQueueErrors } from "./errors.ts";
import type { Settings } from "./options.ts";

const QUEUE_NAME = /^[a-z0-9](-?[a-z0-9])*$/;
const MIN_LENGTH = 3;
const MAX_LENGTH = 63;
/** The name that Azure Functions gives the queue of what it gave up. */
export const DEAD_SUFFIX = "-poison";

/** `topic/subscription` and `topic/subscription/dead` as queue names; throws for a name that no queue can have or that two would share. */
export type QueueNames = (logical: string) => string;

export function createQueueNames(settings: Pick<Settings, "prefix" | "names" | "subscriptions">): QueueNames {
  const { prefix, names, subscriptions } = settings;
  for (const logical of Object.keys(names)) checkKey(logical);
  const derive = createNaming({ entity: "queue", maxLength: MAX_LENGTH, prefix, names });
  const owners = new Map<string, string>();
  const known = new Map<string, string>();

  const claim = (logical: string, queue: string): string => {
    const problem = problemOf(queue, logical, owners);
    if (problem !== undefined) throw storageQueueErrors.WB_STORAGE_QUEUE_NAME({ logical, queue, problem });
    owners.set(queue, logical);
    known.set(logical, queue);
    return queue;
  };
  const claimBoth = (own: string, dead: string) => {
    const queue = derive(own);
    // The longer name first: when it does not fit, neither is taken.
    claim(dead, Object.hasOwn(names, dead) ? (names[dead] as string) : queue + DEAD_SUFFIX);
    claim(own, queue);
  };

  const queueOf = (logical: string): string => {
    const before = known.get(logical);
    if (before !== undefined) return before;
    const [topic = "", subscription, ...rest] = logical.split("/");
    checkLogicalName("topic", topic);
    checkLogicalName("subscription", subscription as string);
    const dead = deadTopic(topic, subscription as string);
    if (rest.length === 0 || logical === dead) claimBoth(ownTopic(topic, subscription as string), dead);
    return known.get(logical) ?? claim(logical, derive(logical));
  };

  // What can be known at construction is checked there.
  for (const [topic, list] of subscriptions) for (const name of list) queueOf(ownTopic(topic, name));
  for (const logical of Object.keys(names)) queueOf(logical);
  return queueOf;
}

function checkKey(logical: string): void {
  const parts = logical.split("/");
  if (parts.length === 2 || (parts.length === 3 && parts[2] === "dead")) return;
  throw storageQueueErrors.WB_STORAGE_QUEUE_OPTION({
    option: `names[${JSON.stringify(logical)}]`,
    problem: "names no queue: keys are topic/subscription or topic/subscription/dead, for a topic alone has no queue",
  });
}

function problemOf(queue: string, logical: string, owners: ReadonlyMap<string, string>): string | undefined {
  if (typeof queue !== "string" || !QUEUE_NAME.test(queue)) return "has characters that queue names do not take";
  if (queue.length < MIN_LENGTH) return `is shorter than ${MIN_LENGTH} characters`;
  if (queue.length > MAX_LENGTH) return `is longer than ${MAX_LENGTH} characters`;
  const owner = owners.get(queue);
  return owner === undefined || owner === logical ? undefined : `is already that of ${owner}`;
}
