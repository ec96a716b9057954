import { int, TypedArray, Uuid } from "../../amqp/values.ts";
import { argumentError, messageNotFound, notAllowed } from "../broker/conditions.ts";
import { type Content, readContent } from "../broker/content.ts";
import type { QueueEntity, TopicEntity } from "../broker/entity.ts";
import type { StoredMessage } from "../broker/stored-message.ts";
import { encodeStored } from "../links/deliver.ts";
import { NOTHING, type Operation, type OperationContext } from "./operation.ts";

/** The service's limit of one peek. */
const MAX_PEEK = 250;
const MAX_BATCH_DELETE = 4_000;

/** Messages from a number on, scheduled ones too; nothing is locked. */
export const peekMessages: Operation = ({ broker, address, body }) => {
  const { entity, store } = broker.store(address);
  const from = body.mustNumber("from-sequence-number");
  const max = Math.min(Math.max(body.mustNumber("message-count"), 0), MAX_PEEK);
  const sessionId = body.text("session-id");
  const found = store.peek(from, max, sessionId);
  if (entity.kind === "queue" && address.store === "main")
    for (const { sequenceNumber, content, since } of entity.scheduled)
      if (sequenceNumber >= from && (sessionId === undefined || content.sessionId === sessionId))
        found.push(asStored(sequenceNumber, content, since));
  found.sort((a, b) => a.sequenceNumber - b.sequenceNumber);
  const omitBody = body.get("omit-message-body") === true;
  const messages = found.slice(0, max).map((message) => new Map([["message", encodeStored(message, { omitBody })]]));
  return messages.length === 0 ? undefined : new Map([["messages", messages]]);
};

const asStored = (sequenceNumber: number, content: Content, since: number): StoredMessage => ({
  content,
  sequenceNumber,
  enqueuedSequenceNumber: undefined,
  enqueuedAt: since,
  expiresAt: Number.POSITIVE_INFINITY,
  deadLetterSource: undefined,
  state: "scheduled",
  deliveryCount: 0,
  lock: undefined,
  queued: false,
  removed: false,
  expiry: undefined,
});

/** Deferred messages by number. Mode 0 deletes them, 1 locks them. */
export const receiveBySequenceNumber: Operation = ({ broker, address, body }) => {
  const { store } = broker.store(address);
  const sessionId = body.text("session-id");
  const session = sessionId === undefined ? undefined : store.sessions.must(sessionId);
  if (session === undefined && store.requiresSession) throw notAllowed("The entity requires sessions.");
  const received = store.receiveDeferred(body.sequenceNumbers(), body.number("receiver-settle-mode") === 0, session);
  const messages = received.map(({ message, lock }) => {
    const token = lock?.token ?? new Uuid(Buffer.alloc(16));
    const bytes = encodeStored(message, {
      lockedUntil: lock?.until,
      lockToken: token,
    });
    return new Map<string, unknown>([
      ["message", bytes],
      ["lock-token", token],
    ]);
  });
  return new Map([["messages", messages]]);
};

export const scheduleMessages: Operation = (context) => {
  const target = sendTarget(context);
  const entries = context.body.list("messages");
  const contents = entries.map((item) => {
    const bytes = item instanceof Map ? item.get("message") : undefined;
    if (!Buffer.isBuffer(bytes)) throw argumentError("A message to schedule is encoded bytes.");
    const content = readContent(Buffer.from(bytes));
    if (content.notBefore === undefined) throw argumentError("A message to schedule names its time.");
    return content;
  });
  const numbers = contents.map((content) => context.broker.router.schedule(target, content));
  return new Map([["sequence-numbers", new TypedArray("long", numbers)]]);
};

/** All or none. */
export const cancelScheduledMessages: Operation = (context) => {
  const target = sendTarget(context);
  const numbers = context.body.sequenceNumbers();
  for (const number of numbers) if (!target.scheduled.has(number)) throw messageNotFound(number);
  for (const number of numbers) target.scheduled.cancel(number);
  return NOTHING;
};

export const deleteBatch: Operation = ({ broker, address, body }) => {
  const { store } = broker.store(address);
  const max = Math.min(body.mustNumber("message-count"), MAX_BATCH_DELETE);
  const before = body.get("enqueued-time-utc");
  const until = before instanceof Date ? before.getTime() : broker.clock.now() + 1;
  const deleted = store.deleteBatch(max, until, body.text("session-id"));
  return deleted === 0 ? undefined : new Map([["message-count", int(deleted)]]);
};

function sendTarget({ broker, address }: OperationContext): QueueEntity | TopicEntity {
  const entity = broker.resolve(address);
  if (entity.kind === "subscription") throw notAllowed("Messages are scheduled at a queue or a topic.");
  return entity;
}
