import { serialize } from "node:v8";
import { writeSections } from "../../amqp/sections.ts";
import { JournalFile } from "../../journal/journal-file.ts";
import type { Content } from "../broker/content.ts";
import { type Entity, pathOf } from "../broker/entity.ts";
import type { Journal } from "../broker/journal.ts";
import type { IntakeJournal, StoreJournal, StoreKind } from "../broker/store-journal.ts";
import type { RuleDescription } from "../rules/rule.ts";

/** What is written down of an entity. */
export interface KeptEntity {
  readonly kind: Entity["kind"];
  readonly topic: string | undefined;
  readonly name: string;
  readonly settings: Entity["settings"];
  readonly rules: readonly { readonly description: RuleDescription; readonly createdAt: number }[];
  readonly createdAt: number;
  readonly updatedAt: number;
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS entities (path TEXT PRIMARY KEY, kept BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS messages (
  path TEXT NOT NULL, kind TEXT NOT NULL, number INTEGER NOT NULL, enqueued_number INTEGER NOT NULL, enqueued_at REAL NOT NULL,
  expires_at REAL, dead_letter_source TEXT, state TEXT NOT NULL, deliveries INTEGER NOT NULL, size INTEGER NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY (path, kind, number));
CREATE TABLE IF NOT EXISTS numbers (path TEXT NOT NULL, kind TEXT NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (path, kind));
CREATE TABLE IF NOT EXISTS session_states (
  path TEXT NOT NULL, kind TEXT NOT NULL, session TEXT NOT NULL, state BLOB NOT NULL, set_at REAL NOT NULL, PRIMARY KEY (path, kind, session));
CREATE TABLE IF NOT EXISTS scheduled (
  path TEXT NOT NULL, number INTEGER NOT NULL, at REAL NOT NULL, since REAL NOT NULL, size INTEGER NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY (path, number));
CREATE TABLE IF NOT EXISTS seen_ids (path TEXT NOT NULL, id TEXT NOT NULL, until REAL NOT NULL, PRIMARY KEY (path, id));
`;
const OF_ENTITIES = ["entities", "messages", "numbers", "session_states", "scheduled", "seen_ids"];

/** Paths are compared without case, as names of entities are. */
const keyOf = (path: string) => path.toLowerCase();

/** Keeps a namespace in `service-bus.db` of a folder. */
export class SqliteJournal implements Journal {
  readonly file: JournalFile;
  private readonly numbers = new Map<string, { path: string; kind: string; last: number }>();
  private readonly statements;

  constructor(folder: string) {
    this.file = new JournalFile(folder, "service-bus.db", SCHEMA);
    const prepare = (sql: string) => this.file.prepare(sql);
    this.statements = {
      entity: prepare("INSERT OR REPLACE INTO entities VALUES (?, ?)"),
      forget: OF_ENTITIES.map((table) => prepare(`DELETE FROM ${table} WHERE path = ?`)),
      store: prepare("INSERT OR REPLACE INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      remove: prepare("DELETE FROM messages WHERE path = ? AND kind = ? AND number = ?"),
      number: prepare("INSERT OR REPLACE INTO numbers VALUES (?, ?, ?)"),
      state: prepare("INSERT OR REPLACE INTO session_states VALUES (?, ?, ?, ?, ?)"),
      noState: prepare("DELETE FROM session_states WHERE path = ? AND kind = ? AND session = ?"),
      schedule: prepare("INSERT OR REPLACE INTO scheduled VALUES (?, ?, ?, ?, ?, ?)"),
      unschedule: prepare("DELETE FROM scheduled WHERE path = ? AND number = ?"),
      see: prepare("INSERT OR REPLACE INTO seen_ids VALUES (?, ?, ?)"),
      unsee: prepare("DELETE FROM seen_ids WHERE path = ? AND id = ?"),
    };
    this.file.beforeCommit(() => {
      // Once a transaction and store, not once a message.
      for (const { path, kind, last } of this.numbers.values()) this.statements.number.run(path, kind, last);
      this.numbers.clear();
    });
  }

  entityChanged(entity: Entity): void {
    const rules = entity.kind === "subscription" ? [...entity.rules.values()] : [];
    const kept: KeptEntity = {
      kind: entity.kind,
      topic: entity.kind === "subscription" ? entity.topic.name : undefined,
      name: entity.name,
      settings: entity.settings,
      rules: rules.map(({ description, createdAt }) => ({ description, createdAt })),
      createdAt: entity.createdAt,
      updatedAt: entity.updatedAt,
    };
    this.file.write(() => this.statements.entity.run(keyOf(pathOf(entity)), serialize(kept)));
  }

  entityRemoved(entity: Entity): void {
    const path = keyOf(pathOf(entity));
    this.file.write(() => {
      for (const [key, { path: of }] of this.numbers) if (of === path) this.numbers.delete(key);
      for (const statement of this.statements.forget) statement.run(path);
    });
  }

  store(path: string, kind: StoreKind): StoreJournal {
    const key = keyOf(path);
    const { statements, file } = this;
    const put: StoreJournal["stored"] = (message) =>
      file.write(() =>
        statements.store.run(
          key,
          kind,
          message.sequenceNumber,
          message.enqueuedSequenceNumber ?? 0,
          message.enqueuedAt,
          message.expiresAt === Number.POSITIVE_INFINITY ? null : message.expiresAt,
          message.deadLetterSource ?? null,
          message.state,
          message.deliveryCount,
          message.content.size,
          bytesOf(message.content),
        ),
      );
    return {
      stored: put,
      changed: put,
      removed: ({ sequenceNumber }) => file.write(() => statements.remove.run(key, kind, sequenceNumber)),
      numberUsed: (last) => this.numberUsed(key, kind, last),
      sessionStateSet: (session, state, at) =>
        file.write(() =>
          state === undefined
            ? statements.noState.run(key, kind, session)
            : statements.state.run(key, kind, session, state, at),
        ),
    };
  }

  intake(path: string): IntakeJournal {
    const key = keyOf(path);
    const { statements, file } = this;
    return {
      scheduled: ({ sequenceNumber, at, since, content }) =>
        file.write(() => statements.schedule.run(key, sequenceNumber, at, since, content.size, bytesOf(content))),
      unscheduled: (number) => file.write(() => statements.unschedule.run(key, number)),
      idSeen: (id, until) => file.write(() => statements.see.run(key, id, until)),
      idForgotten: (id) => file.write(() => statements.unsee.run(key, id)),
      numberUsed: (last) => this.numberUsed(key, "main", last),
    };
  }

  private numberUsed(path: string, kind: string, last: number): void {
    this.file.write(() => this.numbers.set(`${path}\n${kind}`, { path, kind, last }));
  }
}

/** The message as a sender would have sent it: what the service adds stands in the columns. */
const bytesOf = ({ sections }: Content) => writeSections(sections, { ttlMs: sections.header.ttlMs });
