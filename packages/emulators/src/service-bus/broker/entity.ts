import type { Clock, Timer } from "../../clock.ts";
import type { Rule } from "../rules/rule.ts";
import type { Content } from "./content.ts";
import { DuplicateWindow } from "./duplicate-window.ts";
import { MessageQueue } from "./message-queue.ts";
import { ScheduledMessages } from "./scheduled-messages.ts";
import type { QueueSettings, SubscriptionSettings, TopicSettings } from "./settings.ts";
import type { IntakeJournal, StoreJournals, StoreKind } from "./store-journal.ts";
import type { StoredMessage } from "./stored-message.ts";

interface Dates {
  createdAt: number;
  updatedAt: number;
  /** Undefined: never yet. */
  accessedAt: number | undefined;
  idle: Timer | undefined;
}

/** The three stores behind everything that is received from. */
export interface Stores {
  readonly main: MessageQueue;
  readonly deadLetters: MessageQueue;
  /** What could not be forwarded. */
  readonly transferDeadLetters: MessageQueue;
}

export interface QueueEntity extends Dates {
  readonly kind: "queue";
  readonly name: string;
  settings: QueueSettings;
  readonly stores: Stores;
  readonly scheduled: ScheduledMessages;
  readonly duplicates: DuplicateWindow;
}

export interface TopicEntity extends Dates {
  readonly kind: "topic";
  readonly name: string;
  settings: TopicSettings;
  readonly subscriptions: Map<string, SubscriptionEntity>;
  readonly scheduled: ScheduledMessages;
  readonly duplicates: DuplicateWindow;
  readonly journal: IntakeJournal;
  sequence: number;
}

export interface SubscriptionEntity extends Dates {
  readonly kind: "subscription";
  readonly topic: TopicEntity;
  readonly name: string;
  settings: SubscriptionSettings;
  readonly rules: Map<string, Rule>;
  readonly stores: Stores;
}

export type Entity = QueueEntity | TopicEntity | SubscriptionEntity;

/** What every entity is made with. */
export interface Makings {
  readonly clock: Clock;
  readonly routes: Routes;
  readonly journal: StoreJournals;
}

export const pathOf = (entity: Entity): string =>
  entity.kind === "subscription" ? `${entity.topic.name}/Subscriptions/${entity.name}` : entity.name;

/** As the service lists them. */
export const rulesByName = ({ rules }: SubscriptionEntity): Rule[] =>
  [...rules].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, rule]) => rule);

export interface Routes {
  /** A scheduled message's time has come. */
  due(entity: QueueEntity | TopicEntity, content: Content, sequenceNumber: number): void;
  deadLetter(entity: QueueEntity | SubscriptionEntity, content: Content, message: StoredMessage): void;
}

const dates = (clock: Clock): Dates => {
  const now = clock.now();
  return { createdAt: now, updatedAt: now, accessedAt: undefined, idle: undefined };
};

export function newQueue(makings: Makings, name: string, settings: QueueSettings): QueueEntity {
  const entity: QueueEntity = {
    ...dates(makings.clock),
    kind: "queue",
    name,
    settings,
    stores: newStores(makings, name, settings.requiresSession, () => entity),
    ...newIntake(makings, name, () => entity),
  };
  return entity;
}

export function newTopic(makings: Makings, name: string, settings: TopicSettings): TopicEntity {
  const entity: TopicEntity = {
    ...dates(makings.clock),
    kind: "topic",
    name,
    settings,
    subscriptions: new Map(),
    ...newIntake(makings, name, () => entity),
    journal: makings.journal.intake(name),
    sequence: 0,
  };
  return entity;
}

export function newSubscription(
  makings: Makings,
  topic: TopicEntity,
  name: string,
  settings: SubscriptionSettings,
): SubscriptionEntity {
  const entity: SubscriptionEntity = {
    ...dates(makings.clock),
    kind: "subscription",
    topic,
    name,
    settings,
    rules: new Map(),
    stores: newStores(makings, `${topic.name}/Subscriptions/${name}`, settings.requiresSession, () => entity),
  };
  return entity;
}

function newIntake({ clock, routes, journal }: Makings, path: string, entity: () => QueueEntity | TopicEntity) {
  const own = journal.intake(path);
  return {
    scheduled: new ScheduledMessages(clock, own, (content, number) => routes.due(entity(), content, number)),
    duplicates: new DuplicateWindow(own),
  };
}

function newStores(
  { clock, routes, journal }: Makings,
  path: string,
  requiresSession: boolean,
  entity: () => QueueEntity | SubscriptionEntity,
): Stores {
  const lockDurationMs = () => entity().settings.lockDurationMs;
  const deadLetterStore = (kind: StoreKind) =>
    new MessageQueue({
      clock,
      lockDurationMs,
      maxDeliveryCount: () => Number.POSITIVE_INFINITY,
      requiresSession: false,
      deadLettersExpired: () => false,
      deadLetter: undefined,
      journal: journal.store(path, kind),
    });
  return {
    main: new MessageQueue({
      clock,
      lockDurationMs,
      maxDeliveryCount: () => entity().settings.maxDeliveryCount,
      requiresSession,
      deadLettersExpired: () => entity().settings.deadLetteringOnMessageExpiration,
      deadLetter: (content, message) => routes.deadLetter(entity(), content, message),
      journal: journal.store(path, "main"),
    }),
    deadLetters: deadLetterStore("dead-letter"),
    transferDeadLetters: deadLetterStore("transfer-dead-letter"),
  };
}
