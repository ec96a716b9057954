import { expect, it } from "vitest";
import { int } from "../../amqp/values.ts";
import { writeMessage } from "../../amqp/write-message.ts";
import { createClock } from "../../clock.ts";
import { parseAddress } from "../broker/address.ts";
import { Broker } from "../broker/broker.ts";
import { readContent } from "../broker/content.ts";
import { RequestBody } from "./request-body.ts";
import { getMessageSessions, getSessionState, setSessionState } from "./session-operations.ts";

const END_OF_TIME = new Date(253_402_300_800_000);

// No released SDK for JavaScript lists sessions.
// fidelity service-bus: sessions: list
it("lists sessions that have messages or a state, page by page, or those whose state is newer", () => {
  const clock = createClock({ frozenAt: 10_000 });
  const broker = new Broker(clock);
  const queue = broker.createQueue("q", { requiresSession: true });
  const ask = (operation: typeof getMessageSessions, fields: Record<string, unknown>) =>
    operation({ broker, address: parseAddress("q"), body: new RequestBody(new Map(Object.entries(fields))) });
  const list = (since: Date, skip: number, top: number) =>
    ask(getMessageSessions, { "last-updated-time": since, skip, top });
  for (const sessionId of ["a", "b", "c"])
    broker.router.send(queue, [readContent(writeMessage({ body: "x", sessionId }))]);
  const hold = queue.stores.main.sessions.accept("state");
  clock.advance(1_000);
  ask(setSessionState, { "session-id": "state", "session-state": Buffer.from("s") });
  queue.stores.main.sessions.release(hold);

  expect(list(END_OF_TIME, 0, 3)).toEqual(
    new Map<string, unknown>([
      ["skip", int(3)],
      ["sessions-ids", ["a", "b", "c"]],
    ]),
  );
  expect(list(END_OF_TIME, 3, 3)?.get("sessions-ids")).toEqual(["state"]);
  expect(list(END_OF_TIME, 4, 3)).toBeUndefined();
  expect(list(new Date(10_500), 0, 9)?.get("sessions-ids")).toEqual(["state"]);
  expect(list(new Date(11_500), 0, 9)).toBeUndefined();

  queue.stores.main.sessions.accept("state");
  ask(setSessionState, { "session-id": "state", "session-state": Buffer.alloc(0) });
  expect(ask(getSessionState, { "session-id": "state" })?.get("session-state")).toBeNull();
});
