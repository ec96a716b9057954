import type { CreateQueueOptions, CreateSubscriptionOptions, CreateTopicOptions } from "@azure/service-bus";
import type { EntityNames } from "./entity-names.ts";
import { toIsoDuration } from "./iso-duration.ts";
import type { Settings } from "./options.ts";

/** Core counts attempts and deliveries; the broker's own limit only has to be beyond core's. */
const MAX_DELIVERY_COUNT = 1_000;

interface WantedTopic {
  readonly entity: "topic";
  readonly name: string;
  readonly purpose: string;
  readonly settings: CreateTopicOptions;
}

interface WantedQueue {
  readonly entity: "queue";
  readonly name: string;
  readonly purpose: string;
  readonly settings: CreateQueueOptions;
}

export interface WantedSubscription {
  readonly entity: "subscription";
  /** `topic/subscription`. */
  readonly name: string;
  readonly topic: string;
  readonly subscription: string;
  readonly purpose: string;
  readonly settings: CreateSubscriptionOptions;
}

export type Wanted = WantedTopic | WantedQueue | WantedSubscription;

/** What the declared subscriptions need, in the order in which it must be made. */
export function wantedEntities(names: EntityNames, settings: Settings): Wanted[] {
  const { duplicateDetectionMs, lockMs, sessions, queues, ownQueues } = settings;
  const dedupe =
    duplicateDetectionMs === 0
      ? { requiresDuplicateDetection: false }
      : {
          requiresDuplicateDetection: true,
          duplicateDetectionHistoryTimeWindow: toIsoDuration(duplicateDetectionMs),
        };
  const read = {
    requiresSession: sessions !== "none",
    lockDuration: toIsoDuration(lockMs),
    maxDeliveryCount: MAX_DELIVERY_COUNT,
    // What expires is given up with its reason, not dropped.
    deadLetteringOnMessageExpiration: true,
  };
  const wanted: Wanted[] = [];
  for (const [topic, subscriptions] of settings.subscriptions) {
    const name = names.topic(topic);
    if (queues.has(topic)) {
      const purpose = `What is published to ${topic}, and read by ${subscriptions.join(", ") || "nobody yet"}.`;
      wanted.push({ entity: "queue", name, purpose, settings: { ...read, ...dedupe } });
      continue;
    }
    wanted.push({ entity: "topic", name, purpose: `What is published to ${topic}.`, settings: dedupe });
    for (const subscription of subscriptions) {
      const place = names.read(topic, subscription);
      const there = place.subscription ?? subscription;
      const common = { entity: "subscription", name: `${name}/${there}`, topic: name, subscription: there } as const;
      if (!ownQueues) {
        wanted.push({ ...common, purpose: `What ${subscription} reads of ${topic}.`, settings: read });
        continue;
      }
      const queue = place.entity;
      const own = { ...read, requiresDuplicateDetection: false };
      const purpose = `What ${subscription} reads of ${topic}, with its delayed retries and redrives.`;
      wanted.push({ entity: "queue", name: queue, purpose, settings: own });
      // Forwarding to a queue of sessions works; from a subscription of sessions it does not.
      const forward = { forwardTo: queue, requiresSession: false, deadLetteringOnMessageExpiration: true };
      wanted.push({ ...common, purpose: `Forwards ${topic} to ${queue}.`, settings: forward });
    }
  }
  return wanted;
}

/** The service compares names without case, and answers forwarding as an address. */
export function sameEntity(one: string, other: string): boolean {
  const bare = (name: string) => name.replace(/^\w+:\/\/[^/]+\//, "").toLowerCase();
  return bare(one) === bare(other);
}
