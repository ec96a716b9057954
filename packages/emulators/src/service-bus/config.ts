import type { Broker } from "./broker/broker.ts";
import { argumentError } from "./broker/conditions.ts";
import { type Entity, pathOf, type TopicEntity } from "./broker/entity.ts";
import {
  type QueueSettings,
  queueDefaults,
  type SubscriptionSettings,
  subscriptionDefaults,
  type TopicSettings,
  topicDefaults,
} from "./broker/settings.ts";
import { parseDuration } from "./durations.ts";
import type { CorrelationFilter } from "./rules/correlation-filter.ts";
import type { RuleDescription, RuleFilter } from "./rules/rule.ts";
import { QUEUE_SETTINGS, type SettingNames, SUBSCRIPTION_SETTINGS, TOPIC_SETTINGS } from "./setting-names.ts";

/** The shape of the official emulator's Config.json. Every property may be left out; unknown ones are refused. */
export interface ServiceBusConfig {
  readonly UserConfig: {
    readonly Namespaces: readonly NamespaceConfig[];
    readonly Logging?: unknown;
  };
}

export interface NamespaceConfig {
  readonly Name?: string;
  readonly Queues?: readonly QueueConfig[];
  readonly Topics?: readonly TopicConfig[];
}

export interface QueueConfig {
  readonly Name: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}

export interface TopicConfig extends QueueConfig {
  readonly Subscriptions?: readonly SubscriptionConfig[];
}

export interface SubscriptionConfig extends QueueConfig {
  readonly Rules?: readonly RuleConfig[];
}

export interface RuleConfig {
  readonly Name: string;
  readonly Properties: {
    readonly FilterType?: string;
    readonly CorrelationFilter?: Readonly<Record<string, unknown>>;
    readonly SqlFilter?: { readonly SqlExpression: string };
    readonly Action?: { readonly SqlExpression: string };
  };
}

/**
 * Creates everything that the file names. What is there already, from a data folder, keeps its messages and gets the settings of the
 * file, and its rules where the file has some. Throws an argument error with the place.
 */
export function applyConfig(broker: Broker, config: ServiceBusConfig): void {
  const namespaces = config?.UserConfig?.Namespaces;
  if (!Array.isArray(namespaces)) throw argumentError("The config has no UserConfig.Namespaces.");
  // Only what was there before the file: a name that comes twice in it is a mistake.
  const kept = new Map([...broker.all()].map((entity) => [entity.name.toLowerCase(), entity]));
  for (const { Queues, Topics } of namespaces as readonly NamespaceConfig[]) {
    for (const queue of Queues ?? []) {
      const settings = read<QueueSettings>(queue, QUEUE_SETTINGS);
      if (!takeOver(broker, kept.get(queue.Name?.toLowerCase()), "queue", { ...queueDefaults(), ...settings }))
        broker.createQueue(queue.Name, settings);
    }
    for (const topic of Topics ?? []) {
      const settings = read<TopicSettings>(topic, TOPIC_SETTINGS);
      const there = kept.get(topic.Name?.toLowerCase());
      if (!takeOver(broker, there, "topic", { ...topicDefaults(), ...settings }))
        broker.createTopic(topic.Name, settings);
      for (const one of topic.Subscriptions ?? [])
        applySubscription(broker, topic.Name, one, there?.kind === "topic" ? there : undefined);
    }
  }
}

function applySubscription(
  broker: Broker,
  topic: string,
  subscription: SubscriptionConfig,
  keptTopic: TopicEntity | undefined,
): void {
  const settings = read<SubscriptionSettings>(subscription, SUBSCRIPTION_SETTINGS);
  const rules = subscription.Rules?.length ? subscription.Rules.map(readRule) : undefined;
  const kept = keptTopic?.subscriptions.get(subscription.Name?.toLowerCase());
  if (!takeOver(broker, kept, "subscription", { ...subscriptionDefaults(), ...settings })) {
    broker.createSubscription(topic, subscription.Name, settings, rules);
    return;
  }
  if (rules === undefined || kept?.kind !== "subscription") return;
  kept.rules.clear();
  for (const rule of rules) broker.addRule(kept, rule);
}

/** False when there is nothing to take over. */
function takeOver(
  broker: Broker,
  kept: Entity | undefined,
  kind: Entity["kind"],
  settings: Entity["settings"],
): boolean {
  if (kept === undefined) return false;
  const now = kept.settings as unknown as Record<string, unknown>;
  const wanted = settings as unknown as Record<string, unknown>;
  if (kept.kind !== kind || now.requiresSession !== wanted.requiresSession)
    throw argumentError(
      `The data folder has '${pathOf(kept)}' as another kind of entity, or with another requiresSession: remove the folder, or rename the entity.`,
    );
  Object.assign(now, wanted);
  broker.changed(kept);
  return true;
}

function read<T>(entity: QueueConfig, table: SettingNames): Partial<T> {
  const settings: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(entity.Properties ?? {})) {
    if (!Object.hasOwn(table, name)) throw argumentError(`'${entity.Name}' has the unknown property '${name}'.`);
    const [setting, kind] = table[name]!;
    // The official samples write "" for what is not set.
    if (value === "" || value === null) continue;
    if (typeof value !== (kind === "duration" || kind === "text" ? "string" : kind))
      throw argumentError(`The property '${name}' of '${entity.Name}' is no ${kind}.`);
    settings[setting] = kind === "duration" ? parseDuration(value as string) : value;
  }
  return settings as Partial<T>;
}

const CORRELATION: Readonly<Record<string, keyof CorrelationFilter>> = {
  ContentType: "contentType",
  CorrelationId: "correlationId",
  Label: "subject",
  MessageId: "messageId",
  ReplyTo: "replyTo",
  ReplyToSessionId: "replyToSessionId",
  SessionId: "sessionId",
  To: "to",
};

function readRule({ Name, Properties }: RuleConfig): RuleDescription {
  return { name: Name, filter: readFilter(Name, Properties), action: Properties.Action?.SqlExpression };
}

function readFilter(name: string, { FilterType, CorrelationFilter, SqlFilter }: RuleConfig["Properties"]): RuleFilter {
  const type = FilterType?.toLowerCase().replace(/filter$/, "");
  if (type === "true") return { kind: "true" };
  if (type === "false") return { kind: "false" };
  if (SqlFilter !== undefined && type !== "correlation") return { kind: "sql", expression: SqlFilter.SqlExpression };
  if (CorrelationFilter === undefined) throw argumentError(`The rule '${name}' has no filter.`);
  const filter: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(CorrelationFilter)) {
    if (field === "Properties") filter.properties = new Map(Object.entries((value ?? {}) as object));
    else if (!Object.hasOwn(CORRELATION, field))
      throw argumentError(`The rule '${name}' has the unknown field '${field}'.`);
    else if (typeof value === "string" && value !== "") filter[CORRELATION[field]!] = value;
  }
  return { kind: "correlation", filter };
}
