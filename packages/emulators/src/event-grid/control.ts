import type { Server } from "node:http";
import type { MovableClock } from "../clock.ts";
import type { EventSubscriptionConfig, NamespaceSubscriptionConfig, TopicConfig } from "./config.ts";
import type { FaultPlan } from "./fault-plan.ts";
import { type PullEntryView, PullQueue } from "./pull/pull-queue.ts";
import type { PushEntryView } from "./push/push-queue.ts";
import type { ProvisioningState, Subscription } from "./subscription.ts";
import type { Topics } from "./topics.ts";

/** A subscription as `state` shows it. */
export interface SubscriptionView {
  readonly name: string;
  readonly provisioningState: ProvisioningState;
  /** Of a webhook, without its query. */
  readonly endpointUrl: string | undefined;
  /** What waits: for an attempt, or to be received. */
  readonly events: readonly (PushEntryView | PullEntryView)[];
  /** Delivered by push, or acknowledged. */
  readonly delivered: number;
  readonly deadLetters: { readonly waiting: number; readonly written: number; readonly dropped: number };
}

/** A topic is named by its name, one of a namespace or domain by `namespace/topic`, a channel by `partner-namespace/channel`. */
export interface EventGridControl {
  createTopic(name: string, inputSchema?: TopicConfig["inputSchema"]): void;
  createNamespaceTopic(namespace: string, name: string): void;
  /** A domain topic comes with its first subscription, on `domain/topic`. */
  createDomain(name: string, inputSchema?: TopicConfig["inputSchema"]): void;
  /** Asks a webhook first. Rejects when it does not agree, and the subscription does not exist then. */
  createSubscription(
    topic: string,
    config: EventSubscriptionConfig | NamespaceSubscriptionConfig,
  ): Promise<SubscriptionView>;
  /** With what waits in it. */
  deleteSubscription(topic: string, name: string): void;
  /** Ends locks as if their time had come: of one token, or all. Returns how many. */
  expireLocks(topic: string, subscription: string, lockToken?: string): number;
  /** Answers the next requests with this status, in these words, instead of doing what they ask. Default: one request, and words that name no cause. */
  refuse(status: number, times?: number, message?: string): void;
  /** Answers with 429 and a Retry-After of so many seconds; false ends it. */
  throttle(retryAfterSeconds: number | false): void;
  /** Reads requests and answers none. Turned off, their connections are cut, as after a stalled network. */
  stopAnswering(stopped: boolean): void;
  /** Cuts every connection of a client, without a word. */
  cutConnections(): void;
  /** Moves the emulator's clock forward: retries become due, locks run out, events expire. */
  advanceClock(ms: number): void;
  state(topic: string, subscription: string): SubscriptionView;
}

export function createControl(parts: {
  readonly topics: Topics;
  readonly faults: FaultPlan;
  readonly server: Server;
  readonly clock: MovableClock;
}): EventGridControl {
  const { topics, faults, server, clock } = parts;
  return {
    createTopic: (name, inputSchema) => void topics.createTopic(name, inputSchema),
    createNamespaceTopic: (namespace, name) => void topics.createNamespaceTopic(namespace, name),
    createDomain: (name, inputSchema) => void topics.createDomain(name, inputSchema),
    createSubscription: async (topic, config) => view(await topics.createSubscription(topic, config)),
    deleteSubscription: (topic, name) => void topics.deleteSubscription(topic, name),
    expireLocks: (topic, subscription, lockToken) => {
      const { queue } = topics.subscription(topic, subscription);
      return queue instanceof PullQueue ? queue.expireLocks(lockToken) : 0;
    },
    refuse: (status, times = 1, message = "The emulator was told to refuse.") =>
      void faults.refusals.push({ status, times, message }),
    throttle: (retryAfterSeconds) => {
      faults.throttle = retryAfterSeconds === false ? undefined : retryAfterSeconds;
    },
    stopAnswering: (stopped) => {
      if (faults.isSilent && !stopped) server.closeAllConnections();
      faults.isSilent = stopped;
    },
    cutConnections: () => server.closeAllConnections(),
    advanceClock: (ms) => clock.advance(ms),
    state: (topic, subscription) => view(topics.subscription(topic, subscription)),
  };
}

function view({ name, provisioningState, destination, queue, deadLetters }: Subscription): SubscriptionView {
  return {
    name,
    provisioningState,
    endpointUrl: destination?.endpointType === "WebHook" ? destination.endpointUrl.split("?")[0] : undefined,
    events: queue.view(),
    delivered: queue instanceof PullQueue ? queue.acknowledged : queue.delivered,
    deadLetters: { waiting: deadLetters.waitingCount, written: deadLetters.written, dropped: deadLetters.dropped },
  };
}
