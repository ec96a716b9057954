import type { Broker } from "./broker/broker.ts";
import { argumentError } from "./broker/conditions.ts";
import type { QueueSettings, SubscriptionSettings, TopicSettings } from "./broker/settings.ts";
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

/** Creates everything that the file names. Throws an argument error with the place. */
export function applyConfig(broker: Broker, config: ServiceBusConfig): void {
  const namespaces = config?.UserConfig?.Namespaces;
  if (!Array.isArray(namespaces)) throw argumentError("The config has no UserConfig.Namespaces.");
  for (const { Queues, Topics } of namespaces as readonly NamespaceConfig[]) {
    for (const queue of Queues ?? []) broker.createQueue(queue.Name, read<QueueSettings>(queue, QUEUE_SETTINGS));
    for (const topic of Topics ?? []) {
      broker.createTopic(topic.Name, read<TopicSettings>(topic, TOPIC_SETTINGS));
      for (const subscription of topic.Subscriptions ?? []) {
        const settings = read<SubscriptionSettings>(subscription, SUBSCRIPTION_SETTINGS);
        const rules = subscription.Rules?.map(readRule);
        broker.createSubscription(topic.Name, subscription.Name, settings, rules?.length ? rules : undefined);
      }
    }
  }
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
