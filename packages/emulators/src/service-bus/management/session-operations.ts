import { int } from "../../amqp/values.ts";
import { argumentError } from "../broker/conditions.ts";
import { NOTHING, type Operation } from "./operation.ts";

export const renewSessionLock: Operation = ({ broker, address, body }) => {
  const { store } = broker.store(address);
  return new Map([["expiration", new Date(store.sessions.renew(body.mustText("session-id")))]]);
};

export const getSessionState: Operation = ({ broker, address, body }) => {
  const { store } = broker.store(address);
  const id = body.mustText("session-id");
  store.sessions.must(id);
  return new Map([["session-state", store.sessions.state(id) ?? null]]);
};

export const setSessionState: Operation = ({ broker, address, body }) => {
  const { store } = broker.store(address);
  const state = body.get("session-state");
  if (state !== undefined && !Buffer.isBuffer(state)) throw argumentError("A session state is bytes.");
  // Nothing and no bytes are the same: the Go SDK clears a state with the latter.
  store.sessions.setState(body.mustText("session-id"), state?.length ? Buffer.from(state) : undefined);
  return NOTHING;
};

/** A time near the end of time asks for sessions that have messages or a state; any other for those whose state was set after it. */
export const getMessageSessions: Operation = ({ broker, address, body }) => {
  const { store } = broker.store(address);
  const since = body.get("last-updated-time");
  const updatedAfter = since instanceof Date && since.getTime() < Date.UTC(9999, 0) ? since.getTime() : undefined;
  const skip = body.mustNumber("skip");
  const ids = [...store.sessions.ids(updatedAfter)].slice(skip, skip + body.mustNumber("top"));
  if (ids.length === 0) return undefined;
  return new Map<string, unknown>([
    ["skip", int(skip + ids.length)],
    ["sessions-ids", ids],
  ]);
};
