import { type Mutant, seenBy } from "../mutant.ts";

const FAULTS = "faults on demand, in process and over HTTP";
const DURABILITY = "durability: entities and messages over a restart and a kill, with `dataDir`";
const JOURNAL = "service-bus/journal/sqlite-journal.ts";

/** Peers, faults, what outlives the process, and what no released SDK asks for. */
export const DOORS: readonly Mutant[] = [
  ...seenBy("test/integration/emulator-service-bus-faults.test.ts", [
    {
      behaviour: "hostile peers",
      does: "never lets go of a peer that is gone",
      file: "amqp/listener.ts",
      find: 'socket.on("close", () => connections.delete(connection));',
      replace: "",
      name: "holds 500 connections",
    },
    {
      behaviour: FAULTS,
      does: "cuts no connection",
      file: "service-bus/control.ts",
      find: "for (const connection of open) connection.cut();",
      replace: "",
      name: "cuts connections",
    },
    {
      behaviour: FAULTS,
      does: "takes messages while it is throttled",
      file: "service-bus/links/send-link.ts",
      find: "if (throttle.isBusy) throw serverBusy();",
      replace: "void serverBusy;",
      name: "throttles with the service's condition",
    },
    {
      behaviour: FAULTS,
      does: "manages while it is throttled",
      file: "service-bus/management/management-node.ts",
      find: "if (throttle.isBusy) throw serverBusy();",
      replace: "void serverBusy;",
      name: "throttles with the service's condition",
    },
    {
      behaviour: FAULTS,
      does: "detaches without the reason",
      file: "amqp/session.ts",
      find: "this.writeDetach(link.handle, error);",
      replace: "this.writeDetach(link.handle, undefined);",
      name: "detaches with any condition",
    },
    {
      behaviour: FAULTS,
      does: "answers on when it is to stop",
      file: "service-bus/control.ts",
      find: "if (stopped) connection.silence(true);",
      replace: "if (stopped) continue;",
      name: "stops answering",
    },
    {
      behaviour: "tokens",
      does: "lets everyone in",
      file: "service-bus/namespace.ts",
      find: "check(token) ?? this.missing(token)",
      replace: "this.missing(token)",
      name: "refuses tokens as it is told",
    },
    {
      behaviour: "what a vanished receiver held comes to another",
      does: "gives back at once what a vanished receiver held",
      file: "service-bus/broker/message-queue.ts",
      find: "if (!this.consumers.delete(consumer)) return;",
      replace:
        "this.consumers.delete(consumer);\n    for (const lock of [...this.locks.values()]) this.giveBack(lock, false);",
      name: "gives what a vanished receiver was sent",
    },
  ]),
  ...seenBy("packages/emulators/src/service-bus/put-token.test.ts", [
    {
      behaviour: "tokens",
      does: "has tokens for what is not there",
      file: "service-bus/namespace.ts",
      find: "check(token) ?? this.missing(token)",
      replace: "check(token)",
    },
    {
      behaviour: "tokens",
      does: "takes tokens that have expired",
      file: "shared-access/access.ts",
      find: "if (expiresAt <= Date.now())",
      replace: "if (expiresAt <= 0)",
    },
  ]),
  ...seenBy("packages/emulators/src/service-bus/links/idle-links.test.ts", [
    {
      behaviour: "links that are idle for ten minutes are detached, by the emulator's clock",
      does: "keeps idle links",
      file: "service-bus/links/idle-links.ts",
      find: "else link.close(",
      replace: "else void (",
    },
    {
      behaviour: "links that are idle for ten minutes are detached, by the emulator's clock",
      does: "lets go of links that are in use",
      file: "service-bus/links/idle-links.ts",
      find: "last = clock.now();\n    },",
      replace: "},",
    },
  ]),
  ...seenBy("test/integration/emulator-control-door.test.ts", [
    {
      behaviour: FAULTS,
      does: "ends no lock",
      file: "service-bus/control.ts",
      find: "return keys.filter((key) => store.expireLock(key)).length;",
      replace: "return keys.length;",
      name: "makes the faults of Service Bus",
    },
  ]),
  ...seenBy("test/integration/emulator-durability.test.ts", [
    {
      behaviour: DURABILITY,
      does: "has again what was completed",
      file: JOURNAL,
      find: "file.write(() => statements.remove.run(key, kind, sequenceNumber)),",
      replace: "void sequenceNumber,",
      name: "has every message that a sender was told of",
    },
    {
      behaviour: DURABILITY,
      does: "forgets counts and changed properties",
      file: JOURNAL,
      find: "changed: put,",
      replace: "changed: () => undefined,",
      name: "has every message that a sender was told of",
    },
    {
      behaviour: DURABILITY,
      does: "gives a number twice",
      file: "service-bus/journal/restore.ts",
      find: "return Number(row?.last ?? 0);",
      replace: "return row ? 0 : 0;",
      name: "has every message that a sender was told of",
    },
    {
      behaviour: DURABILITY,
      does: "forgets which ids it has seen",
      file: "service-bus/journal/restore.ts",
      find: "entity.duplicates.restore(id, until);",
      replace: "void [id, until];",
      name: "has session states, ids within the window",
    },
    {
      behaviour: DURABILITY,
      does: "forgets states of sessions",
      file: "service-bus/journal/restore.ts",
      find: "store.sessions.putState(session, Buffer.from(state), set_at);",
      replace: "void [session, state, set_at];",
      name: "has session states, ids within the window",
    },
  ]),
  ...seenBy("test/integration/emulator-tls.test.ts", [
    {
      behaviour: "AMQP over WebSocket, with `tls`",
      does: "grants no protocol of the SDKs",
      file: "amqp/web-socket-door.ts",
      find: "PROTOCOLS.find((protocol) => asked.has(protocol)) ?? false",
      replace: "PROTOCOLS.find((protocol) => asked.has(protocol.repeat(2))) ?? false",
      name: "speaks AMQP over WebSocket",
    },
  ]),
  ...seenBy("test/integration/emulator-service-bus-delete.test.ts", [
    {
      behaviour: "batch delete",
      does: "deletes what came later",
      file: "service-bus/broker/message-queue.ts",
      find: " || message.enqueuedAt >= enqueuedBefore) continue;",
      replace: ") continue;\n      void enqueuedBefore;",
    },
    {
      behaviour: "batch delete",
      does: "deletes more than it was asked to",
      file: "service-bus/broker/message-queue.ts",
      find: "if (deleted >= max) break;",
      replace: "void max;",
    },
    {
      behaviour: "batch delete",
      does: "deletes what somebody holds",
      file: "service-bus/broker/message-queue.ts",
      find: 'if (message.lock !== undefined || message.state !== "active" ||',
      replace: 'if (message.state !== "active" ||',
    },
    {
      behaviour: "batch delete",
      does: "does not say which thing there is none of",
      file: "service-bus/management/operation.ts",
      find: 'status(204, "There are none.", "com.microsoft:message-not-found")',
      replace: 'status(204, "There are none.")',
    },
  ]),
];
