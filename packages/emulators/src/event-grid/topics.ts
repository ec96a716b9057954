import {
  checkNamespaceSubscription,
  checkSubscription,
  checkTopicName,
  type EventSubscriptionConfig,
  type NamespaceSubscriptionConfig,
} from "./config.ts";
import { acceptEvent, type EventAttributes, type EventSchema } from "./events/accepted-event.ts";
import { EventGridProblem } from "./problem.ts";
import { shakeHands } from "./push/handshake.ts";
import { openNamespaceSubscription, openSubscription, type Subscription, type Surroundings } from "./subscription.ts";

const VALIDATION_MS = 10 * 60_000;

export interface Topic {
  /** `name`, or `namespace/name`. */
  readonly path: string;
  readonly isNamespace: boolean;
  readonly inputSchema: EventSchema;
  /** What the Event Grid schema has as `topic`. */
  readonly resourceId: string;
  /** By lower-case name. */
  readonly subscriptions: Map<string, Subscription>;
}

/** All topics, custom ones and those of namespaces. Names are compared without case. */
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

  createTopic(name: string, inputSchema: EventSchema = "CloudEventSchemaV1_0"): Topic {
    return this.add(checkTopicName(name), false, inputSchema);
  }

  createNamespaceTopic(namespace: string, name: string): Topic {
    return this.add(`${checkTopicName(namespace)}/${checkTopicName(name)}`, true, "CloudEventSchemaV1_0");
  }

  /** Rejects when the endpoint of a webhook does not agree; the subscription does not exist then. */
  async createSubscription(
    path: string,
    config: EventSubscriptionConfig | NamespaceSubscriptionConfig,
  ): Promise<Subscription> {
    const topic = this.get(path);
    if (topic.isNamespace) checkNamespaceSubscription(config as NamespaceSubscriptionConfig);
    else checkSubscription(config as EventSubscriptionConfig);
    const key = config.name.toLowerCase();
    if (topic.subscriptions.has(key)) throw new EventGridProblem(409, `'${config.name}' exists already.`);
    const subscription = topic.isNamespace
      ? openNamespaceSubscription(path, config as NamespaceSubscriptionConfig, this.around)
      : openSubscription(path, config as EventSubscriptionConfig, topic.inputSchema, this.around);
    await this.agree(topic, subscription);
    if (topic.subscriptions.has(key)) throw new EventGridProblem(409, `'${config.name}' exists already.`);
    topic.subscriptions.set(key, subscription);
    if (subscription.provisioningState === "Succeeded") subscription.resume();
    return subscription;
  }

  deleteSubscription(path: string, name: string): Subscription {
    const subscription = this.subscription(path, name);
    this.get(path).subscriptions.delete(name.toLowerCase());
    subscription.queue.close();
    subscription.forget();
    return subscription;
  }

  /** Takes all events for every subscription whose filter lets them through. */
  publish(topic: Topic, events: readonly EventAttributes[]): void {
    const now = this.around.timing.clock.now();
    const accepted = events.map((attributes) => acceptEvent(topic.inputSchema, attributes, now));
    for (const subscription of topic.subscriptions.values()) subscription.offer(accepted);
  }

  find(path: string): Topic | undefined {
    return this.topics.get(path.toLowerCase());
  }

  /** The first namespace's topic of that name, for requests that name no namespace. */
  findInNamespaces(name: string): Topic | undefined {
    const wanted = `/${name.toLowerCase()}`;
    return [...this.topics.values()].find(
      ({ isNamespace, path }) => isNamespace && path.toLowerCase().endsWith(wanted),
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

  private add(path: string, isNamespace: boolean, inputSchema: EventSchema): Topic {
    if (this.topics.has(path.toLowerCase())) throw new EventGridProblem(409, `'${path}' exists already.`);
    const resourceId = `/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local/providers/Microsoft.EventGrid/topics/${path}`;
    const topic: Topic = { path, isNamespace, inputSchema, resourceId, subscriptions: new Map() };
    this.topics.set(path.toLowerCase(), topic);
    return topic;
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
