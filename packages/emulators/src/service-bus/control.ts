import { AmqpError } from "../amqp/amqp-error.ts";
import type { Listener } from "../amqp/listener.ts";
import { type PlainMessage, writeMessage } from "../amqp/write-message.ts";
import type { MovableClock } from "../clock.ts";
import { type Address, parseAddress } from "./broker/address.ts";
import type { Broker } from "./broker/broker.ts";
import { notAllowed } from "./broker/conditions.ts";
import { readContent } from "./broker/content.ts";
import { bytesOf } from "./broker/router.ts";
import type { QueueSettings, SubscriptionSettings, TopicSettings } from "./broker/settings.ts";
import type { StoredMessage } from "./broker/stored-message.ts";
import type { FaultPlan } from "./fault-plan.ts";
import type { Namespace } from "./namespace.ts";
import type { RuleDescription } from "./rules/rule.ts";

/** A message as `state` shows it. */
export interface MessageView {
  readonly sequenceNumber: number;
  readonly messageId: string;
  readonly sessionId: string | undefined;
  readonly state: "active" | "deferred" | "scheduled" | "locked";
  readonly deliveryCount: number;
  readonly lockedUntil: Date | undefined;
  readonly lockToken: string | undefined;
}

export interface StoreView {
  readonly receivers: number;
  readonly bytes: number;
  readonly messages: readonly MessageView[];
}

/** Paths are those of links: `queue`, `topic/Subscriptions/name`, with `/$DeadLetterQueue` behind. */
export interface ServiceBusControl {
  createQueue(name: string, settings?: Partial<QueueSettings>): void;
  createTopic(name: string, settings?: Partial<TopicSettings>): void;
  /** Takes everything unless rules are given. */
  createSubscription(
    topic: string,
    name: string,
    settings?: Partial<SubscriptionSettings>,
    rules?: readonly RuleDescription[],
  ): void;
  createRule(topic: string, subscription: string, rule: RuleDescription): void;
  /** With its messages; links to it end with `amqp:not-found`. */
  deleteEntity(path: string): void;
  /** Changes settings; `requiresSession` stays as it was created. */
  update(path: string, settings: Partial<QueueSettings & TopicSettings & SubscriptionSettings>): void;
  /** Puts a message into a queue or a topic, as a sender would. Throws what a sender would be told. */
  send(path: string, message: PlainMessage): void;
  /** Ends message locks as if their time had come: of one token, or all. A session's lock goes with its messages'. Returns how many. */
  expireLocks(path: string, lockToken?: string): number;
  /** Takes a session away from its holder. False when nobody holds it. */
  loseSession(path: string, sessionId: string): boolean;
  /** Cuts every socket, without a word. Returns how many. */
  cutConnections(): number;
  /** Ends links with an error, of one entity or of all. Returns how many. */
  detachLinks(condition: string, description: string, path?: string): number;
  /** Answers sends and management requests with server-busy, until told otherwise. */
  throttle(isBusy: boolean): void;
  /** Reads and writes nothing on the open connections; the sockets stay. Turned off, they are cut, as after a stalled network. */
  stopAnswering(stopped: boolean): void;
  /** Moves the emulator's clock forward: locks run out, messages expire and appear. */
  advanceClock(ms: number): void;
  /** What a store holds now. */
  state(path: string): StoreView;
  readonly connectionCount: number;
}

export function createControl(parts: {
  readonly broker: Broker;
  readonly namespace: Namespace;
  readonly faults: FaultPlan;
  readonly listener: Listener;
  readonly clock: MovableClock;
}): ServiceBusControl {
  const { broker, namespace, faults, listener, clock } = parts;
  const at = (path: string) => broker.store(parseAddress(path));
  const entityAt = (path: string) => broker.resolve(parseAddress(path));
  return {
    createQueue: (name, settings) => void broker.createQueue(name, settings),
    createTopic: (name, settings) => void broker.createTopic(name, settings),
    createSubscription: (topic, name, settings, rules) => void broker.createSubscription(topic, name, settings, rules),
    createRule: (topic, subscription, rule) => {
      const entity = broker.resolve({ ...NO_ADDRESS, name: topic, subscription });
      if (entity.kind === "subscription") broker.addRule(entity, rule);
    },
    deleteEntity: (path) => broker.remove(entityAt(path)),
    update: (path, settings) => {
      const entity = entityAt(path);
      Object.assign(entity.settings, settings);
      broker.changed(entity);
    },
    send: (path, message) => {
      const entity = entityAt(path);
      if (entity.kind === "subscription") throw notAllowed("Messages are sent to a queue or a topic.");
      broker.router.send(entity, [readContent(writeMessage(message))]);
    },
    expireLocks: (path, lockToken) => {
      const { store } = at(path);
      const keys =
        lockToken === undefined
          ? [...store.heldLocks()].map(({ key }) => key)
          : [lockToken.replaceAll("-", "").toLowerCase()];
      return keys.filter((key) => store.expireLock(key)).length;
    },
    loseSession: (path, sessionId) => {
      const { sessions } = at(path).store;
      const hold = sessions.holdOf(sessionId);
      if (hold !== undefined) sessions.lose(hold);
      return hold !== undefined;
    },
    cutConnections: () => {
      const open = [...listener.connections];
      for (const connection of open) connection.cut();
      return open.length;
    },
    detachLinks: (condition, description, path) =>
      namespace.detachAll(path === undefined ? undefined : entityAt(path), new AmqpError(condition, description)),
    throttle: (isBusy) => {
      faults.isBusy = isBusy;
    },
    stopAnswering: (stopped) => {
      for (const connection of listener.connections) {
        if (stopped) connection.silence(true);
        else connection.cut();
      }
      faults.holdsAttach = stopped;
    },
    advanceClock: (ms) => clock.advance(ms),
    state: (path) => {
      const { entity, store } = at(path);
      const isMain = parseAddress(path).store === "main";
      const scheduled = isMain && entity.kind === "queue" ? [...entity.scheduled] : [];
      return {
        receivers: store.consumerCount,
        bytes: isMain ? bytesOf(entity) : store.bytes,
        messages: [
          ...[...store.all()].map(view),
          ...scheduled.map(({ sequenceNumber, content }) => ({
            sequenceNumber,
            messageId: content.messageId,
            sessionId: content.sessionId,
            state: "scheduled" as const,
            deliveryCount: 0,
            lockedUntil: undefined,
            lockToken: undefined,
          })),
        ].sort((a, b) => a.sequenceNumber - b.sequenceNumber),
      };
    },
    get connectionCount() {
      return listener.connections.size;
    },
  };
}

const NO_ADDRESS: Address = { name: "", subscription: undefined, store: "main", isManagement: false };

const view = ({ sequenceNumber, content, state, deliveryCount, lock }: StoredMessage): MessageView => ({
  sequenceNumber,
  messageId: content.messageId,
  sessionId: content.sessionId,
  state: lock === undefined ? state : "locked",
  deliveryCount,
  lockedUntil: lock && new Date(lock.until),
  lockToken: lock?.token.toString(),
});
