import type { Content } from "./content.ts";
import type { Entity } from "./entity.ts";
import type { StoredMessage } from "./stored-message.ts";

/** Is told of every change that a restart must not lose, at once and in order. Locks are not among them: a restart ends them. */
export interface Journal {
  /** It was made, or its settings or rules were changed. */
  entityChanged(entity: Entity): void;
  /** With everything in it. */
  entityRemoved(entity: Entity): void;
  /** For one of the three stores of an entity. */
  store(path: string, kind: StoreKind): StoreJournal;
  /** For what only queues and topics have. */
  intake(path: string): IntakeJournal;
}

export type StoreKind = "main" | "dead-letter" | "transfer-dead-letter";

export interface StoreJournal {
  stored(message: StoredMessage): void;
  changed(message: StoredMessage): void;
  removed(message: StoredMessage): void;
  /** No message gets a number up to this one again. */
  numberUsed(number: number): void;
  sessionStateSet(sessionId: string, state: Buffer | undefined, at: number): void;
}

export interface IntakeJournal {
  scheduled(message: ScheduledMessage): void;
  unscheduled(number: number): void;
  idSeen(id: string, until: number): void;
  idForgotten(id: string): void;
  numberUsed(number: number): void;
}

export interface ScheduledMessage {
  readonly sequenceNumber: number;
  readonly content: Content;
  /** When it appears, and since when it waits. */
  readonly at: number;
  readonly since: number;
}

const nothing = () => undefined;
const NO_STORE: StoreJournal = {
  stored: nothing,
  changed: nothing,
  removed: nothing,
  numberUsed: nothing,
  sessionStateSet: nothing,
};
const NO_INTAKE: IntakeJournal = {
  scheduled: nothing,
  unscheduled: nothing,
  idSeen: nothing,
  idForgotten: nothing,
  numberUsed: nothing,
};

/** Everything is in memory. */
export const NO_JOURNAL: Journal = {
  entityChanged: nothing,
  entityRemoved: nothing,
  store: () => NO_STORE,
  intake: () => NO_INTAKE,
};
