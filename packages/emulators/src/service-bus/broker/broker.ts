import { AmqpError } from "../../amqp/amqp-error.ts";
import type { Clock } from "../../clock.ts";
import { compileRule, DEFAULT_RULE_NAME, type RuleDescription } from "../rules/rule.ts";
import type { Address } from "./address.ts";
import { argumentError, entityExists, entityNotFound, notFound } from "./conditions.ts";
import {
  type Entity,
  type Makings,
  newQueue,
  newSubscription,
  newTopic,
  pathOf,
  type QueueEntity,
  type SubscriptionEntity,
  type TopicEntity,
} from "./entity.ts";
import { type Journal, NO_JOURNAL } from "./journal.ts";
import type { MessageQueue } from "./message-queue.ts";
import { Router } from "./router.ts";
import {
  type QueueSettings,
  queueDefaults,
  type SubscriptionSettings,
  subscriptionDefaults,
  type TopicSettings,
  topicDefaults,
} from "./settings.ts";

const ENTITY_NAME = /^[a-z0-9]([a-z0-9._/-]{0,258}[a-z0-9])?$/i;
const CHILD_NAME = /^[a-z0-9]([a-z0-9._-]{0,48}[a-z0-9])?$/i;

/** A namespace: its entities, and the ways of messages between them. Pure and synchronous: no I/O, and no time but the clock's. */
export class Broker {
  readonly clock: Clock;
  readonly router: Router;
  private readonly makings: Makings;
  private readonly journal: Journal;
  /** By lower-case name; queues and topics share their names. */
  private readonly entities = new Map<string, QueueEntity | TopicEntity>();
  /** Told after an entity is gone. */
  onRemoved: ((entity: Entity) => void) | undefined;

  constructor(clock: Clock, journal: Journal = NO_JOURNAL) {
    this.clock = clock;
    this.router = new Router(clock, (name) => this.entities.get(name.toLowerCase()));
    this.makings = { clock, routes: this.router, journal };
    this.journal = journal;
  }

  createQueue(name: string, settings: Partial<QueueSettings> = {}): QueueEntity {
    this.checkNew(name);
    const entity = newQueue(this.makings, name, { ...queueDefaults(), ...settings });
    this.entities.set(name.toLowerCase(), entity);
    this.changed(entity);
    return entity;
  }

  createTopic(name: string, settings: Partial<TopicSettings> = {}): TopicEntity {
    this.checkNew(name);
    const entity = newTopic(this.makings, name, { ...topicDefaults(), ...settings });
    this.entities.set(name.toLowerCase(), entity);
    this.changed(entity);
    return entity;
  }

  /** With a rule that takes everything, unless one is given; an empty list makes a subscription that takes nothing. */
  createSubscription(
    topicName: string,
    name: string,
    settings: Partial<SubscriptionSettings> = {},
    rules: readonly RuleDescription[] = [{ name: DEFAULT_RULE_NAME, filter: { kind: "true" } }],
  ): SubscriptionEntity {
    const topic = this.topic(topicName);
    if (!CHILD_NAME.test(name)) throw argumentError(`'${name}' is no name for a subscription.`);
    const path = `${topic.name}/Subscriptions/${name}`;
    if (topic.subscriptions.has(name.toLowerCase())) throw entityExists(path);
    const entity = newSubscription(this.makings, topic, name, { ...subscriptionDefaults(), ...settings });
    for (const rule of rules) this.addRule(entity, rule);
    topic.subscriptions.set(name.toLowerCase(), entity);
    for (const one of [topic, entity]) this.touch(one);
    this.changed(entity);
    return entity;
  }

  addRule(subscription: SubscriptionEntity, description: RuleDescription): void {
    const { name } = description;
    if (name !== DEFAULT_RULE_NAME && !CHILD_NAME.test(name)) throw argumentError(`'${name}' is no name for a rule.`);
    if (subscription.rules.has(name.toLowerCase())) throw entityExists(`${pathOf(subscription)}/Rules/${name}`);
    subscription.rules.set(name.toLowerCase(), compileRule(description, this.clock.now()));
    this.journal.entityChanged(subscription);
  }

  updateRule(subscription: SubscriptionEntity, description: RuleDescription): void {
    const old = this.rule(subscription, description.name);
    subscription.rules.set(description.name.toLowerCase(), compileRule(description, old.createdAt));
    this.journal.entityChanged(subscription);
  }

  removeRule(subscription: SubscriptionEntity, name: string): void {
    this.rule(subscription, name);
    subscription.rules.delete(name.toLowerCase());
    this.journal.entityChanged(subscription);
  }

  rule(subscription: SubscriptionEntity, name: string) {
    const rule = subscription.rules.get(name.toLowerCase());
    if (rule === undefined) throw entityNotFound(`${pathOf(subscription)}/Rules/${name}`);
    return rule;
  }

  /** Its messages go with it. */
  remove(entity: Entity): void {
    entity.idle?.cancel();
    if (entity.kind === "topic")
      for (const subscription of [...entity.subscriptions.values()]) this.remove(subscription);
    if (entity.kind === "subscription") entity.topic.subscriptions.delete(entity.name.toLowerCase());
    else {
      this.entities.delete(entity.name.toLowerCase());
      entity.scheduled.clear();
    }
    if (entity.kind !== "topic") for (const store of Object.values(entity.stores) as MessageQueue[]) store.clear();
    this.journal.entityRemoved(entity);
    this.onRemoved?.(entity);
  }

  find(name: string): QueueEntity | TopicEntity | undefined {
    return this.entities.get(name.toLowerCase());
  }

  *all(): Generator<QueueEntity | TopicEntity> {
    yield* this.entities.values();
  }

  topic(name: string): TopicEntity {
    const entity = this.find(name);
    if (entity?.kind !== "topic") throw notFound(name);
    return entity;
  }

  /** The entity of an address. Throws `amqp:not-found`. */
  resolve(address: Address): Entity {
    const entity = this.find(address.name);
    if (entity === undefined) throw notFound(address.name);
    if (address.subscription === undefined) return entity;
    const path = `${address.name}/Subscriptions/${address.subscription}`;
    const subscription = entity.kind === "topic" && entity.subscriptions.get(address.subscription.toLowerCase());
    if (!subscription) throw notFound(path);
    return subscription;
  }

  /** The store that an address receives from. Throws `amqp:not-found`, and `amqp:not-allowed` on a topic. */
  store(address: Address): { entity: QueueEntity | SubscriptionEntity; store: MessageQueue } {
    const entity = this.resolve(address);
    if (entity.kind === "topic")
      throw new AmqpError(
        "amqp:not-allowed",
        `'${address.name}' is a topic; messages are received from its subscriptions.`,
      );
    const { main, deadLetters, transferDeadLetters } = entity.stores;
    const store = address.store === "main" ? main : address.store === "dead-letter" ? deadLetters : transferDeadLetters;
    return { entity, store };
  }

  /** To be called after settings were changed. */
  changed(entity: Entity): void {
    this.watchIdle(entity);
    this.journal.entityChanged(entity);
  }

  touch(entity: Entity): void {
    entity.accessedAt = this.clock.now();
  }

  /** Starts, or starts again, the time after which an unused entity is removed. */
  private watchIdle(entity: Entity): void {
    entity.idle?.cancel();
    const idleMs = entity.settings.autoDeleteOnIdleMs;
    if (idleMs === Number.POSITIVE_INFINITY) return;
    const end = () => (entity.accessedAt ?? entity.createdAt) + idleMs;
    entity.idle = this.clock.at(end(), () => {
      const receives = entity.kind !== "topic" && entity.stores.main.consumerCount > 0;
      if (receives) this.touch(entity);
      if (this.clock.now() < end()) this.watchIdle(entity);
      else this.remove(entity);
    });
  }

  private checkNew(name: string): void {
    if (!ENTITY_NAME.test(name)) throw argumentError(`'${name}' is no name for a queue or a topic.`);
    if (this.entities.has(name.toLowerCase())) throw entityExists(name);
  }
}
