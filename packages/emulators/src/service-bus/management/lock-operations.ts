import { TypedArray } from "../../amqp/values.ts";
import { argumentError, messageLockLost, sessionLockLost } from "../broker/conditions.ts";
import type { MessageQueue } from "../broker/message-queue.ts";
import type { Settlement } from "../broker/stored-message.ts";
import { NOTHING, type Operation } from "./operation.ts";
import type { RequestBody } from "./request-body.ts";

/** Renews all or throws before the first. */
export const renewLocks: Operation = ({ broker, address, body }) => {
  const { store } = broker.store(address);
  const keys = body.lockKeys();
  for (const key of keys) if (store.lockOf(key) === undefined) throw messageLockLost();
  const expirations = keys.map((key) => store.renew(key));
  return new Map([["expirations", new TypedArray("timestamp", expirations)]]);
};

/** Settles what has no link any more: deferred messages, and those whose receiver is closed. */
export const updateDisposition: Operation = ({ broker, address, body }) => {
  const { store } = broker.store(address);
  const settlement = settlementOf(body);
  const sessionId = body.text("session-id");
  const keys = body.lockKeys();
  for (const key of keys) checkLock(store, key, sessionId);
  for (const key of keys) {
    const error = store.settle(key, settlement);
    if (error !== undefined) throw error;
  }
  return NOTHING;
};

function checkLock(store: MessageQueue, key: string, sessionId: string | undefined): void {
  const lock = store.lockOf(key);
  if (lock !== undefined) return;
  throw sessionId === undefined ? messageLockLost() : sessionLockLost(sessionId);
}

function settlementOf(body: RequestBody): Settlement {
  const fields = body.fields("properties-to-modify") ?? new Map();
  const properties = new Map([...fields].map(([key, value]) => [String(key), value]));
  const status = body.mustText("disposition-status");
  switch (status) {
    case "completed":
      return { kind: "complete" };
    case "abandoned":
      return { kind: "abandon", properties };
    // Spelt so on the wire.
    case "defered":
      return { kind: "defer", properties };
    case "suspended":
      return {
        kind: "dead-letter",
        reason: body.text("deadletter-reason"),
        description: body.text("deadletter-description"),
        properties,
      };
    default:
      throw argumentError(`The disposition '${status}' is not known.`);
  }
}
