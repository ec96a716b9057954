import type { Broker } from "../broker/broker.ts";
import { entityExists } from "../broker/conditions.ts";
import { type Entity, rulesByName, type SubscriptionEntity, type TopicEntity } from "../broker/entity.ts";
import { queueDefaults } from "../broker/settings.ts";
import { DEFAULT_RULE_NAME } from "../rules/rule.ts";
import { QUEUE_SETTINGS, type SettingNames, SUBSCRIPTION_SETTINGS, TOPIC_SETTINGS } from "../setting-names.ts";
import { entityEntry, feed, namespaceEntry, type Origin, ruleEntry } from "./atom.ts";
import { readAuthorizationRules } from "./authorization-rules-xml.ts";
import { badRequest, missing } from "./http-problem.ts";
import { parseRoute, type Route } from "./route.ts";
import { readRule } from "./rule-xml.ts";
import { readSettings } from "./settings-xml.ts";
import { child, parseXml, text } from "./xml.ts";

export interface AdministrationRequest {
  readonly method: string;
  /** As sent, still escaped. */
  readonly pathname: string;
  readonly query: URLSearchParams;
  readonly origin: Origin;
  readonly ifMatch: string | undefined;
  readonly body: string;
}

export interface AdministrationResponse {
  readonly status: number;
  readonly body: string;
  readonly contentType?: string;
}

const PAGE = 100;
const PARTITIONS = 16;
const MAX_PARTITION_MEGABYTES = 5_120;
const DEFAULT_MESSAGE_KILOBYTES = queueDefaults().maxMessageSizeInKilobytes;
/** Settings that stay as they were created. */
const FIXED = ["requiresSession", "requiresDuplicateDetection", "enablePartitioning"];

/** The Atom API of a namespace. Pure: a request in, a response out. Throws a problem, or the broker's error. */
export class Administration {
  private readonly broker: Broker;
  private readonly startedAt: number;

  constructor(broker: Broker) {
    this.broker = broker;
    this.startedAt = broker.clock.now();
  }

  handle(request: AdministrationRequest): AdministrationResponse {
    const route = parseRoute(request.pathname);
    if (route === undefined) throw badRequest("The path names nothing.");
    if (route.kind === "health") return { status: 200, body: '{"status":"healthy"}', contentType: "application/json" };
    switch (request.method) {
      case "GET":
        return this.get(route, request);
      case "PUT":
        return this.put(route, request);
      case "DELETE":
        this.delete(route);
        return { status: 200, body: "" };
      default:
        throw badRequest(`The method ${request.method} is not known here.`);
    }
  }

  private get(route: Route, { pathname, query, origin }: AdministrationRequest): AdministrationResponse {
    const path = pathname.replace(/^\/+/, "");
    const found = (write: string) => ({ status: 200, body: write });
    // The service answers a feed without entries for what is not there; the SDKs read "not found" in that.
    const nothing = () => found(feed(path, "Publicly Listed Services", [], undefined, origin));
    const list = <T>(items: Iterable<T>, write: (item: T) => string) =>
      found(this.page([...items], write, query, origin, path));
    switch (route.kind) {
      case "namespace":
        return found(namespaceEntry(origin, this.startedAt));
      case "list": {
        const kind = route.of === "queues" ? "queue" : "topic";
        const entities = [...this.broker.all()].filter((entity) => entity.kind === kind).sort(byName);
        return list(entities, (entity) => entityEntry(entity, origin));
      }
      case "entity": {
        const entity = this.broker.find(route.name);
        return entity === undefined ? nothing() : found(entityEntry(entity, origin));
      }
      case "subscriptions":
        return list([...this.topic(route.topic).subscriptions.values()].sort(byName), (entity) =>
          entityEntry(entity, origin),
        );
      case "subscription": {
        const entity = this.findSubscription(route.topic, route.name);
        return entity === undefined ? nothing() : found(entityEntry(entity, origin));
      }
      case "rules": {
        const subscription = this.subscription(route.topic, route.subscription);
        return list(rulesByName(subscription), (rule) => ruleEntry(subscription, rule, origin));
      }
      case "rule": {
        const subscription = this.subscription(route.topic, route.subscription);
        const rule = subscription.rules.get(route.name.toLowerCase());
        return rule === undefined ? nothing() : found(ruleEntry(subscription, rule, origin));
      }
      default:
        throw badRequest("Nothing to get here.");
    }
  }

  private put(route: Route, { body, ifMatch, origin }: AdministrationRequest): AdministrationResponse {
    const isUpdate = ifMatch !== undefined;
    const content = child(child(parseXml(body), "entry"), "content");
    const done = (entity: Entity) => ({ status: isUpdate ? 200 : 201, body: entityEntry(entity, origin) });
    switch (route.kind) {
      case "entity": {
        const existing = this.broker.find(route.name);
        const queue = child(content, "QueueDescription");
        const topic = child(content, "TopicDescription");
        if (queue === undefined && topic === undefined)
          throw badRequest("The body describes neither a queue nor a topic.");
        const names = queue === undefined ? TOPIC_SETTINGS : QUEUE_SETTINGS;
        const settings = readSettings(queue ?? topic, names);
        const keys = readAuthorizationRules(queue ?? topic);
        if (keys !== undefined) settings.authorizationRules = keys;
        if (isUpdate) {
          if (existing === undefined || (existing.kind === "queue") !== (queue !== undefined))
            throw missing(route.name);
          return done(this.update(existing, settings, names));
        }
        this.checkReferences(settings);
        checkMessageSize(settings, DEFAULT_MESSAGE_KILOBYTES);
        spread(settings, settings.enablePartitioning === true);
        if (queue !== undefined) return done(this.broker.createQueue(route.name, settings));
        return done(this.broker.createTopic(route.name, settings));
      }
      case "subscription": {
        const description = child(content, "SubscriptionDescription");
        if (description === undefined) throw badRequest("The body describes no subscription.");
        const settings = readSettings(description, SUBSCRIPTION_SETTINGS);
        const existing = this.findSubscription(route.topic, route.name);
        if (isUpdate) {
          if (existing === undefined) throw missing(route.name);
          return done(this.update(existing, settings, SUBSCRIPTION_SETTINGS));
        }
        if (existing !== undefined) throw entityExists(`${route.topic}/Subscriptions/${route.name}`);
        this.checkReferences(settings);
        const rule = child(description, "DefaultRuleDescription");
        const rules = rule === undefined ? undefined : [readRule(rule, text(child(rule, "Name")) ?? DEFAULT_RULE_NAME)];
        return done(this.broker.createSubscription(this.topic(route.topic).name, route.name, settings, rules));
      }
      case "rule": {
        const subscription = this.subscription(route.topic, route.subscription);
        const rule = readRule(child(content, "RuleDescription"), route.name);
        if (isUpdate) this.broker.updateRule(subscription, rule);
        else this.broker.addRule(subscription, rule);
        return {
          status: isUpdate ? 200 : 201,
          body: ruleEntry(subscription, this.broker.rule(subscription, route.name), origin),
        };
      }
      default:
        throw badRequest("Nothing can be put here.");
    }
  }

  private delete(route: Route): void {
    if (route.kind === "rule") this.broker.removeRule(this.subscription(route.topic, route.subscription), route.name);
    else if (route.kind === "subscription") this.broker.remove(this.subscription(route.topic, route.name));
    else if (route.kind === "entity") {
      const entity = this.broker.find(route.name);
      if (entity === undefined) throw missing(route.name);
      this.broker.remove(entity);
    } else throw badRequest("Nothing to delete here.");
  }

  /** The description is whole: what it leaves out goes back to nothing, where nothing is a value. */
  private update<T extends Entity>(entity: T, settings: Record<string, unknown>, names: SettingNames): T {
    const current = entity.settings as unknown as Record<string, unknown>;
    for (const name of FIXED)
      if (settings[name] !== undefined && settings[name] !== current[name])
        throw badRequest(
          `The value for the ${capitalized(name)} property of an existing ${capitalized(entity.kind)} cannot be changed.`,
        );
    this.checkReferences(settings);
    checkMessageSize(settings, current.maxMessageSizeInKilobytes);
    spread(settings, current.enablePartitioning === true);
    if (settings.authorizationRules !== undefined) current.authorizationRules = settings.authorizationRules;
    for (const [setting, kind] of Object.values(names)) {
      if (settings[setting] !== undefined) current[setting] = settings[setting];
      else if (kind === "text" && setting !== "status") current[setting] = undefined;
    }
    entity.updatedAt = this.broker.clock.now();
    this.broker.changed(entity);
    return entity;
  }

  private checkReferences(settings: Record<string, unknown>): void {
    for (const setting of ["forwardTo", "forwardDeadLetteredMessagesTo"]) {
      const target = settings[setting];
      if (typeof target !== "string") continue;
      if (this.broker.find(target) === undefined)
        throw badRequest(`The forwarding destination '${target}' does not exist.`);
    }
  }

  private page<T>(
    items: readonly T[],
    write: (item: T) => string,
    query: URLSearchParams,
    origin: Origin,
    path: string,
  ): string {
    const read = (name: string, fallback: number) => {
      const value = Number(query.get(name) ?? fallback);
      return Number.isInteger(value) && value >= 0 ? value : fallback;
    };
    const skip = read("$skip", 0);
    const top = Math.min(read("$top", PAGE), PAGE);
    const hasMore = items.length > skip + top;
    const next =
      hasMore && top > 0 ? `${origin}/${path}?$skip=${skip + top}&$top=${top}&api-version=2021-05` : undefined;
    return feed(path, path, items.slice(skip, skip + top).map(write), next, origin);
  }

  private topic(name: string): TopicEntity {
    const entity = this.broker.find(name);
    if (entity?.kind !== "topic") throw missing(name);
    return entity;
  }

  private findSubscription(topic: string, name: string): SubscriptionEntity | undefined {
    const entity = this.broker.find(topic);
    return entity?.kind === "topic" ? entity.subscriptions.get(name.toLowerCase()) : undefined;
  }

  private subscription(topic: string, name: string): SubscriptionEntity {
    const entity = this.findSubscription(topic, name);
    if (entity === undefined) throw missing(`${topic}/Subscriptions/${name}`);
    return entity;
  }
}

const capitalized = (name: string) => name[0]!.toUpperCase() + name.slice(1);

/** Larger messages are Premium's. */
function checkMessageSize({ maxMessageSizeInKilobytes: asked }: Record<string, unknown>, current: unknown): void {
  if (asked !== undefined && asked !== current)
    throw badRequest("MaxMessageSizeInKilobytes can be set in a Premium namespace only.");
}

/** A partitioned entity has the size that was asked for in each of its partitions, and tells the sum. */
function spread(settings: Record<string, unknown>, isPartitioned: boolean): void {
  const { maxSizeInMegabytes: asked } = settings;
  if (isPartitioned && typeof asked === "number" && asked <= MAX_PARTITION_MEGABYTES)
    settings.maxSizeInMegabytes = asked * PARTITIONS;
}

const byName = (a: Entity, b: Entity) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1);
