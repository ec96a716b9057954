import { writeSections } from "../../amqp/sections.ts";
import { int, long, timestamp, type Uuid } from "../../amqp/values.ts";
import type { MessageState, StoredMessage } from "../broker/stored-message.ts";

const STATE: Readonly<Record<MessageState, number>> = { active: 0, deferred: 1, scheduled: 2 };

export interface DeliverOptions {
  readonly lockedUntil?: number | undefined;
  readonly lockToken?: Uuid | undefined;
  readonly omitBody?: boolean;
}

/** The bytes of a stored message with what the service adds. */
export function encodeStored(message: StoredMessage, options: DeliverOptions = {}): Buffer {
  const annotations = new Map<string, unknown>([
    ["x-opt-enqueued-time", timestamp(message.enqueuedAt)],
    ["x-opt-sequence-number", long(message.sequenceNumber)],
  ]);
  if (message.enqueuedSequenceNumber !== undefined)
    annotations.set("x-opt-enqueue-sequence-number", long(message.enqueuedSequenceNumber));
  if (message.state !== "active") annotations.set("x-opt-message-state", int(STATE[message.state]));
  if (options.lockedUntil !== undefined) annotations.set("x-opt-locked-until", timestamp(options.lockedUntil));
  if (message.deadLetterSource !== undefined) annotations.set("x-opt-deadletter-source", message.deadLetterSource);
  const expires = message.expiresAt !== Number.POSITIVE_INFINITY;
  return writeSections(message.content.sections, {
    deliveryCount: message.deliveryCount,
    ttlMs: expires ? message.expiresAt - message.enqueuedAt : message.content.sections.header.ttlMs,
    annotations,
    // Python reads the token from here.
    deliveryAnnotations: new Map(options.lockToken && [["x-opt-lock-token", options.lockToken]]),
    ...(options.omitBody === undefined ? {} : { omitBody: options.omitBody }),
  });
}
