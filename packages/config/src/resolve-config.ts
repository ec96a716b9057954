import type { SubscribeOptions } from "@waybill/core";
import type { RelayOptions } from "@waybill/outbox";
import type { Document } from "./document.ts";
import { withMs } from "./duration.ts";
import { brokerSchemas } from "./schema/brokers.ts";
import { knownPaths } from "./schema/known-keys.ts";
import { claimCheck, relay, subscription } from "./schema/sections.ts";
import { inbox } from "./schema/stores.ts";
import type { TopologyMode } from "./topology.ts";

/** What the file may set of a subscription; wins over the options in code. */
export interface SubscriptionSettings
  extends Partial<Omit<SubscribeOptions, "name" | "inbox" | "middleware" | "loop">> {
  /** The broker that keeps what returns to it alone: later retries and redrives. Default: the topic's own. */
  readonly retryBroker?: string;
}

export interface BrokerConfig {
  readonly adapter: string;
  /** The adapter's own options, durations as `…Ms`. */
  readonly options: Readonly<Record<string, unknown>>;
}

export interface TopicConfig {
  readonly broker: string;
  readonly subscriptions: Readonly<Record<string, SubscriptionSettings>>;
}

export type StoreConfig =
  | {
      readonly store: "sqlite";
      /** As written; relative to the config file's folder. */
      readonly path: string;
    }
  | {
      readonly store: "postgres";
      readonly url: string;
      readonly maxConnections?: number;
      readonly schema?: string;
      readonly migrate?: boolean;
      /** Of the outbox alone. */
      readonly mode?: "polling" | "cdc";
    }
  | {
      readonly store: "mysql";
      readonly url: string;
      readonly maxConnections?: number;
      readonly migrate?: boolean;
    };

/** Where an inbox without a database remembers what is done. */
export type RecordConfig =
  | {
      readonly store: "redis";
      readonly url: string;
      readonly prefix?: string;
      readonly leaseMs?: number;
      readonly retainMs?: number;
    }
  | { readonly store: "memory"; readonly leaseMs?: number; readonly retainMs?: number; readonly maxEntries?: number };

/** What a file may say of the claim check. */
export interface ClaimCheckConfig {
  readonly store: "folder" | "blob";
  readonly maxBytes: number | undefined;
  /** The store's own options, as written. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** The relay's options that a file can hold. */
export interface RelaySettings
  extends Partial<
    Pick<
      RelayOptions,
      "batch" | "concurrency" | "leaseMs" | "pollMs" | "markMs" | "maxRestMs" | "retry" | "onPoison" | "retention"
    >
  > {
  /** The relay waits while more events than this wait in any declared subscription. */
  readonly maxBacklog?: number;
}

/** The configuration that rules: short forms written out, overrides applied, durations in milliseconds. */
export interface ResolvedConfig {
  readonly source: string;
  readonly prefix: string | undefined;
  readonly topology: TopologyMode;
  readonly brokers: Readonly<Record<string, BrokerConfig>>;
  readonly topics: Readonly<Record<string, TopicConfig>>;
  readonly outbox: StoreConfig | undefined;
  readonly inbox: StoreConfig | RecordConfig | undefined;
  readonly relay: RelaySettings;
  readonly claimCheck: ClaimCheckConfig | undefined;
}

/** The name of the broker that carries a topic: its own entry first, then the longest pattern, then the only broker. */
export function brokerOf(config: ResolvedConfig, topic: string): string | undefined {
  const patterns = Object.keys(config.topics).filter((key) => key.endsWith("*") && topic.startsWith(key.slice(0, -1)));
  const [longest] = patterns.sort((a, b) => b.length - a.length);
  const route = config.topics[topic] ?? (longest === undefined ? undefined : config.topics[longest]);
  const brokers = Object.keys(config.brokers);
  return route?.broker ?? (brokers.length === 1 ? brokers[0] : undefined);
}

const subscriptionKeys = knownPaths(subscription);
const relayKeys = knownPaths(relay);
const inboxKeys = knownPaths(inbox);
const claimCheckKeys = knownPaths(claimCheck);

/** The document has been checked. */
export function resolveConfig(document: Document): ResolvedConfig {
  const brokers = document.brokers as Record<string, { adapter: string }>;
  const [first = ""] = Object.keys(brokers);
  const topics = (document.topics ?? {}) as Record<
    string,
    { broker?: string; subscriptions?: Record<string, Document> }
  >;
  return {
    source: document.source as string,
    prefix: document.prefix as string | undefined,
    topology: (document.topology ?? "leave") as TopologyMode,
    brokers: mapValues(brokers, ({ adapter, ...options }) => ({
      adapter,
      options: withMs(options, knownPaths(brokerSchemas[adapter])),
    })),
    topics: mapValues(topics, ({ broker = first, subscriptions = {} }) => ({
      broker,
      subscriptions: mapValues(subscriptions, (settings) => withMs(settings, subscriptionKeys)),
    })),
    outbox: document.outbox as StoreConfig | undefined,
    inbox:
      document.inbox === undefined
        ? undefined
        : (withMs(document.inbox as Document, inboxKeys) as unknown as StoreConfig | RecordConfig),
    claimCheck: document.claimCheck === undefined ? undefined : resolveClaimCheck(document.claimCheck as Document),
    relay: withMs((document.relay ?? {}) as Document, relayKeys) as RelaySettings,
  };
}

function resolveClaimCheck({ store, maxBytes, ...options }: Document): ClaimCheckConfig {
  return {
    store: store as ClaimCheckConfig["store"],
    maxBytes: maxBytes as number | undefined,
    options: withMs(options, claimCheckKeys),
  };
}

/** Without a prototype: `constructor` is a good name for a topic, and only one that is declared is found. */
function mapValues<From, To>(object: Record<string, From>, change: (value: From) => To): Record<string, To> {
  const changed: Record<string, To> = Object.create(null);
  for (const [key, value] of Object.entries(object)) changed[key] = change(value);
  return changed;
}
