import {
  checkNamespaceSubscription,
  checkSubscription,
  checkTopicName,
  type EventSubscriptionConfig,
  type NamespaceSubscriptionConfig,
} from "./config.ts";
import { acceptEvent, type EventAttributes, type InputSchema } from "./events/accepted-event.ts";
import { checkMapping, type InputSchemaMapping } from "./events/custom-event.ts";
import { nameOf } from "./events/topic-of-event.ts";
import { EventGridProblem } from "./problem.ts";
import { shakeHands } from "./push/handshake.ts";
import { openNamespaceSubscription, openSubscription, type Subscription, type Surroundings } from "./subscription.ts";

const VALIDATION_MS = 10 * 60_000;

/**
 * A domain's events go on to the domain topic that each names, those of a partner namespace to the channel that the request names; the channel's events
 * are the partner topic's, and so are its subscriptions here.
 */
export type TopicKind = "custom" | "namespace" | "domain" | "domain topic" | "partner namespace" | "channel";

export interface Topic {
  /** `name`, or `namespace/name`, `domain/name` and `partner-namespace/channel`. */
  readonly path: string;
  readonly kind: TopicKind;
  readonly inputSchema: InputSchema;
  /** Of a CustomEventSchema. */
  readonly mapping?: InputSchemaMapping | undefined;
  /** What the Event Grid schema has as `topic`. */
  readonly resourceId: string;
  /** By lower-case name. */
  readonly subscriptions: Map<string, Subscription>;
}

const PROVIDER =
  "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local/providers/Microsoft.EventGrid";
const RESOURCE_TYPES: Readonly<Record<TopicKind, readonly [string, string?]>> = {
  custom: ["topics"],
  namespace: ["topics"],
  domain: ["domains"],
  "domain topic": ["domains", "topics"],
  "partner namespace": ["partnerNamespaces"],
  channel: ["partnerNamespaces", "channels"],
};

/** All topics: custom ones, and those of namespaces, domains and partners. Names are compared without case. */
export class Topics {
  private readonly topics = new Map<string, Topic>();
  /** By validation code. */
  private readonly validations = new Map<string, { readonly subscription: Subscription; readonly until: number }>();
  private readonly around: Surroundings;
  private readonly origin: () => string;

  constructor(around: Surroundings, origin: () => string) {
    this.around = around;
    this.origin = origin;
  }

  createTopic(name: string, inputSchema?: InputSchema, mapping?: InputSchemaMapping): Topic {
    return this.add(checkTopicName(name), "custom", inputSchema, mapping);
  }

  createNamespaceTopic(namespace: string, name: string): Topic {
    return this.add(`${checkTopicName(namespace)}/${checkTopicName(name)}`, "namespace");
  }

  createDomain(name: string, inputSchema?: InputSchema, mapping?: InputSchemaMapping): Topic {
    return this.add(checkTopicName(name), "domain", inputSchema, mapping);
  }

  createPartnerNamespace(name: string): Topic {
    return this.add(checkTopicName(name), "partner namespace");
  }

  createChannel(partnerNamespace: string, name: string): Topic {
    return this.add(`${this.get(partnerNamespace).path}/${checkTopicName(name)}`, "channel");
  }

  /** Rejects when the endpoint of a webhook does not agree; the subscription does not exist then. */
  async createSubscription(
    path: string,
    config: EventSubscriptionConfig | NamespaceSubscriptionConfig,
  ): Promise<Subscription> {
    const topic = this.find(path) ?? this.domainTopic(path);
    const isNamespace = topic.kind === "namespace";
    if (isNamespace) checkNamespaceSubscription(config as NamespaceSubscriptionConfig);
    else checkSubscription(config as EventSubscriptionConfig);
    const key = config.name.toLowerCase();
    if (topic.subscriptions.has(key)) throw new EventGridProblem(409, `'${config.name}' exists already.`);
    const subscription = isNamespace
      ? openNamespaceSubscription(path, config as NamespaceSubscriptionConfig, this.around)
      : openSubscription(path, config as EventSubscriptionConfig, topic.inputSchema, this.around);
    await this.agree(topic, subscription);
    if (topic.subscriptions.has(key)) throw new EventGridProblem(409, `'${config.name}' exists already.`);
    topic.subscriptions.set(key, subscription);
    if (topic.kind === "domain topic") this.topics.set(path.toLowerCase(), topic);
    if (subscription.provisioningState === "Succeeded") subscription.resume();
    return subscription;
  }

  deleteSubscription(path: string, name: string): Subscription {
    const subscription = this.subscription(path, name);
    const topic = this.get(path);
    topic.subscriptions.delete(name.toLowerCase());
    if (topic.kind === "domain topic" && topic.subscriptions.size === 0) this.topics.delete(path.toLowerCase());
    subscription.queue.close();
    subscription.forget();
    return subscription;
  }

  /** Takes all events for every subscription whose filter lets them through. `channel` is what a request to a partner namespace names. */
  publish(topic: Topic, events: readonly EventAttributes[], channel?: string): void {
    const now = this.around.timing.clock.now();
    const schema = topic.inputSchema === "CloudEventSchemaV1_0" ? "CloudEventSchemaV1_0" : "EventGridSchema";
    const target = topic.kind === "partner namespace" ? this.channel(topic, channel) : topic;
    const accepted = events.map((attributes) => acceptEvent(schema, attributes, now));
    for (const subscription of target.subscriptions.values()) subscription.offer(accepted);
    if (topic.kind !== "domain") return;
    const named = Map.groupBy(accepted, ({ attributes: { topic: given, source } }) =>
      nameOf(String(schema === "EventGridSchema" ? given : source)),
    );
    for (const [name, some] of named) {
      for (const subscription of this.find(`${topic.path}/${name}`)?.subscriptions.values() ?? [])
        subscription.offer(some);
    }
  }

  find(path: string): Topic | undefined {
    return this.topics.get(path.toLowerCase());
  }

  /** The first namespace's topic of that name, for requests that name no namespace. */
  findInNamespaces(name: string): Topic | undefined {
    const wanted = `/${name.toLowerCase()}`;
    return [...this.topics.values()].find(
      ({ kind, path }) => kind === "namespace" && path.toLowerCase().endsWith(wanted),
    );
  }

  get(path: string): Topic {
    const topic = this.find(path);
    if (topic === undefined) throw new EventGridProblem(404, `There is no topic '${path}'.`);
    return topic;
  }

  subscription(path: string, name: string): Subscription {
    const subscription = this.get(path).subscriptions.get(name.toLowerCase());
    if (subscription === undefined)
      throw new EventGridProblem(404, `The topic '${path}' has no event subscription '${name}'.`);
    return subscription;
  }

  /** Somebody opened a validation address. False when the code is unknown or its ten minutes are over. */
  validate(code: string): boolean {
    const pending = this.validations.get(code);
    if (pending === undefined || this.around.timing.clock.now() >= pending.until) return false;
    pending.subscription.provisioningState = "Succeeded";
    pending.subscription.resume();
    this.validations.delete(code);
    return true;
  }

  close(): void {
    for (const { subscriptions } of this.topics.values()) {
      for (const { queue, deadLetters } of subscriptions.values()) {
        queue.close();
        deadLetters.close();
      }
    }
  }

  private add(path: string, kind: TopicKind, inputSchema?: InputSchema, mapping?: InputSchemaMapping): Topic {
    if (this.topics.has(path.toLowerCase())) throw new EventGridProblem(409, `'${path}' exists already.`);
    if (inputSchema === "CustomEventSchema") checkMapping(mapping);
    const topic = newTopic(path, kind, inputSchema, mapping);
    this.topics.set(path.toLowerCase(), topic);
    return topic;
  }

  /** One that nobody has subscribed to yet: it comes with its first subscription, and goes with the last. */
  private domainTopic(path: string): Topic {
    const [domain = "", name, ...more] = path.split("/");
    const { kind, inputSchema } = this.get(name === undefined ? path : domain);
    if (kind !== "domain" || more.length > 0) throw new EventGridProblem(404, `There is no topic '${path}'.`);
    return newTopic(`${domain}/${checkTopicName(name)}`, "domain topic", inputSchema);
  }

  private channel(namespace: Topic, name: string | undefined): Topic {
    if (name === undefined)
      throw new EventGridProblem(400, "A request to a partner namespace names its channel in aeg-channel-name.");
    const channel = this.find(`${namespace.path}/${name}`);
    if (channel === undefined) throw new EventGridProblem(404, `The channel '${name}' was not found.`);
    return channel;
  }

  private async agree(topic: Topic, subscription: Subscription): Promise<void> {
    const { destination, validationCode, name } = subscription;
    if (destination?.endpointType !== "WebHook" || destination.skipValidation === true) return;
    subscription.provisioningState = "AwaitingManualAction";
    const { clock } = this.around.timing;
    // Open before the request: the endpoint may open the address while it answers.
    this.validations.set(validationCode, { subscription, until: clock.now() + VALIDATION_MS });
    const result = await shakeHands(this.around.caller, {
      endpointUrl: destination.endpointUrl,
      schema: subscription.schema,
      topicId: topic.resourceId,
      subscription: name,
      validationUrl: `${this.origin()}/eventsubscriptions/${name}/validate?id=${validationCode}`,
      validationCode,
      nowIso: new Date(clock.now()).toISOString(),
    });
    if (result.kind === "awaiting") return;
    this.validations.delete(validationCode);
    if (result.kind === "refused")
      throw new EventGridProblem(400, `The webhook of '${name}' did not agree. ${result.reason}`, "EndpointValidation");
    subscription.provisioningState = "Succeeded";
  }
}

function newTopic(
  path: string,
  kind: TopicKind,
  inputSchema: InputSchema = "CloudEventSchemaV1_0",
  mapping?: InputSchemaMapping,
): Topic {
  const [type, ofPart] = RESOURCE_TYPES[kind];
  const place = ofPart === undefined ? path : path.replace("/", `/${ofPart}/`);
  return { path, kind, inputSchema, mapping, resourceId: `${PROVIDER}/${type}/${place}`, subscriptions: new Map() };
}
