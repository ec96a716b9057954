import { deserialize } from "node:v8";
import { readSections } from "../../amqp/sections.ts";
import type { Broker } from "../broker/broker.ts";
import { fromSections } from "../broker/content.ts";
import type { Entity, QueueEntity, TopicEntity } from "../broker/entity.ts";
import type { KeptMessage, MessageQueue } from "../broker/message-queue.ts";
import type { QueueSettings, SubscriptionSettings, TopicSettings } from "../broker/settings.ts";
import type { StoreKind } from "../broker/store-journal.ts";
import type { MessageState } from "../broker/stored-message.ts";
import type { KeptEntity, SqliteJournal } from "./sqlite-journal.ts";

/** Makes the entities of the last time again, with what was in them. Nobody holds anything: locks ended with the process. */
export function restore(broker: Broker, journal: SqliteJournal): void {
  const { file } = journal;
  file.isReading = true;
  try {
    const rows = file.prepare("SELECT kept FROM entities").all() as { kept: Uint8Array }[];
    const entities = rows.map(({ kept }) => deserialize(kept) as KeptEntity);
    // Subscriptions need their topics; what forwards needs nothing: targets are looked up when a message comes.
    for (const kept of entities.filter(({ kind }) => kind !== "subscription")) restoreEntity(broker, journal, kept);
    for (const kept of entities.filter(({ kind }) => kind === "subscription")) restoreEntity(broker, journal, kept);
  } finally {
    file.isReading = false;
  }
}

function restoreEntity(broker: Broker, journal: SqliteJournal, kept: KeptEntity): void {
  const entity = make(broker, kept);
  entity.createdAt = kept.createdAt;
  entity.updatedAt = kept.updatedAt;
  const path = (kept.topic === undefined ? kept.name : `${kept.topic}/Subscriptions/${kept.name}`).toLowerCase();
  if (entity.kind !== "topic") {
    restoreStore(journal, path, "main", entity.stores.main);
    restoreStore(journal, path, "dead-letter", entity.stores.deadLetters);
    restoreStore(journal, path, "transfer-dead-letter", entity.stores.transferDeadLetters);
  } else entity.sequence = lastNumber(journal, path, "main");
  if (entity.kind !== "subscription") restoreIntake(journal, path, entity);
}

function make(broker: Broker, { kind, topic, name, settings, rules }: KeptEntity): Entity {
  if (kind === "queue") return broker.createQueue(name, settings as QueueSettings);
  if (kind === "topic") return broker.createTopic(name, settings as TopicSettings);
  const descriptions = rules.map(({ description }) => description);
  return broker.createSubscription(topic ?? "", name, settings as SubscriptionSettings, descriptions);
}

interface MessageRow {
  readonly number: number;
  /** 0: it was first sent to here. */
  readonly enqueued_number: number;
  readonly enqueued_at: number;
  readonly expires_at: number | null;
  readonly dead_letter_source: string | null;
  readonly state: string;
  readonly deliveries: number;
  readonly size: number;
  readonly bytes: Uint8Array;
}

function restoreStore({ file }: SqliteJournal, path: string, kind: StoreKind, store: MessageQueue): void {
  const states = file.prepare("SELECT session, state, set_at FROM session_states WHERE path = ? AND kind = ?");
  for (const row of states.iterate(path, kind)) {
    const { session, state, set_at } = row as { session: string; state: Uint8Array; set_at: number };
    store.sessions.putState(session, Buffer.from(state), set_at);
  }
  const messages = file.prepare("SELECT * FROM messages WHERE path = ? AND kind = ? ORDER BY number");
  // All at once: what is restored can expire or be forwarded only when the file is no longer being read.
  const rows = messages.all(path, kind) as unknown as MessageRow[];
  store.restore(rows.map(toMessage), lastNumber({ file }, path, kind));
}

const toMessage = (row: MessageRow): KeptMessage => ({
  content: contentOf(row),
  sequenceNumber: row.number,
  enqueuedSequenceNumber: row.enqueued_number || undefined,
  enqueuedAt: row.enqueued_at,
  expiresAt: row.expires_at ?? Number.POSITIVE_INFINITY,
  deadLetterSource: row.dead_letter_source ?? undefined,
  state: row.state as MessageState,
  deliveryCount: row.deliveries,
});

function restoreIntake({ file }: SqliteJournal, path: string, entity: QueueEntity | TopicEntity): void {
  const scheduled = file.prepare("SELECT * FROM scheduled WHERE path = ? ORDER BY at, number").all(path);
  for (const row of scheduled) {
    const { number, at, since } = row as { number: number; at: number; since: number };
    const content = contentOf(row as unknown as MessageRow);
    entity.scheduled.restore({ sequenceNumber: number, content, at, since });
  }
  for (const row of file.prepare("SELECT id, until FROM seen_ids WHERE path = ? ORDER BY until").iterate(path)) {
    const { id, until } = row as { id: string; until: number };
    entity.duplicates.restore(id, until);
  }
}

const contentOf = ({ bytes, size }: Pick<MessageRow, "bytes" | "size">) =>
  fromSections(readSections(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)), size);

function lastNumber({ file }: Pick<SqliteJournal, "file">, path: string, kind: StoreKind): number {
  const row = file.prepare("SELECT last FROM numbers WHERE path = ? AND kind = ?").get(path, kind);
  return Number(row?.last ?? 0);
}
