import type { Content } from "./content.ts";
import type { StoredMessage } from "./stored-message.ts";

/** The journals of one namespace's entities, by path. */
export interface StoreJournals {
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
