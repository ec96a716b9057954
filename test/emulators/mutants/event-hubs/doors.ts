import { type Mutant, ofRow } from "../mutant.ts";

const HUBS = "test/integration/emulator-event-hubs.test.ts";
const ACCESS = "test/integration/emulator-event-hubs-access.test.ts";
const FAULTS = "test/integration/emulator-event-hubs-faults.test.ts";
const CONTROL_DOOR = "test/integration/emulator-control-door.test.ts";
const DURABILITY = "test/integration/emulator-durability.test.ts";
const TLS = "test/integration/emulator-tls.test.ts";
const NAMESPACE = "packages/emulators/src/event-hubs/namespace.test.ts";
const PARTITION_LOG = "packages/emulators/src/event-hubs/log/partition-log.test.ts";
const CODEC = "packages/emulators/src/amqp/codec.test.ts";

/** Who is let in and how, peers, faults, and what outlives the process. */
export const DOORS: readonly Mutant[] = [
  ...ofRow("hostile peers", [
    {
      does: "reads values that are nested without end",
      file: "amqp/decode.ts",
      find: `if (this.depth > MAX_DEPTH) throw malformed("Values are nested too deep.");`,
      replace: "",
      test: CODEC,
      name: "refuses what is nested without end",
    },
  ]),
  ...ofRow("`$cbs` once on a connection; refusals with every field", [
    {
      does: "opens $cbs twice on one connection",
      file: "amqp/cbs.ts",
      find: "{ isExclusive: true }",
      replace: "{ isExclusive: false }",
      test: NAMESPACE,
    },
    {
      does: "leaves a refusal's last fields out",
      file: "amqp/performative.ts",
      find: "[ERROR, 3],",
      replace: "",
      test: NAMESPACE,
    },
  ]),
  ...ofRow("faults on demand, in process and over HTTP", [
    {
      does: "takes a partition over with no higher level",
      file: "event-hubs/control.ts",
      find: "Math.max(0, ...levels) + 1",
      replace: "0",
      test: FAULTS,
      name: "takes a partition over",
    },
    {
      does: "never gives a partition back",
      file: "event-hubs/control.ts",
      find: "return () => readers.leave(thief);",
      replace: "return () => undefined;",
      test: FAULTS,
      name: "takes a partition over",
    },
    {
      does: "takes sends while it throttles",
      file: "event-hubs/links/send-link.ts",
      find: "if (faults.isBusy) throw serverBusy();",
      replace: "",
      test: FAULTS,
      name: "throttles",
    },
    {
      does: "answers requests for properties while it throttles",
      file: "event-hubs/properties-node.ts",
      find: "if (faults.isBusy) throw serverBusy();",
      replace: "",
      test: FAULTS,
      name: "throttles",
    },
    {
      does: "detaches the links of other partitions, too",
      file: "event-hubs/control.ts",
      find: "(partition === undefined || link.partition?.id === partition) &&",
      replace: "",
      test: FAULTS,
      name: "detaches the links that are meant",
    },
    {
      does: "cuts the connections of senders with those of receivers",
      file: "event-hubs/control.ts",
      find: "(role === undefined || link.role === role)",
      replace: "true",
      test: FAULTS,
      name: "cuts connections",
    },
    {
      does: "goes on answering",
      file: "event-hubs/control.ts",
      find: "if (stopped) connection.silence(true);",
      replace: "if (stopped) continue;",
      test: FAULTS,
      name: "stops answering",
    },
    {
      does: "gives no partition back over HTTP",
      file: "event-hubs/control.ts",
      find: "return () => readers.leave(thief);",
      replace: "return () => undefined;",
      test: CONTROL_DOOR,
      name: "takes a partition over",
    },
  ]),
  ...ofRow("durability: hubs and events over a restart and a kill, with `dataDir`", [
    {
      does: "writes no event down",
      file: "event-hubs/log/segment.ts",
      find: "this.file?.write(bytes.subarray(start, end), start);",
      replace: "",
      test: DURABILITY,
      name: "Event Hubs has its events after a kill",
    },
    {
      does: "forgets the hubs that were made by hand",
      file: "event-hubs/start.ts",
      find: "hubs.restore();",
      replace: "",
      test: DURABILITY,
      name: "has the hubs that were made by hand",
    },
    {
      does: "counts from nothing after a restart",
      file: "event-hubs/log/partition-log.ts",
      find: "this.newest = { sequenceNumber, offset, enqueuedAt };",
      replace: "",
      test: FAULTS,
      name: "keeps events, numbers and positions over a restart",
    },
    {
      does: "keeps a record that was not written to its end",
      file: "event-hubs/log/segment.ts",
      find: "if (end > bytes.length || length < RECORD_HEAD - 4) break;",
      replace: "",
      test: PARTITION_LOG,
    },
  ]),
  ...ofRow("TLS for token credentials", [
    {
      does: "speaks no TLS",
      file: "event-hubs/start.ts",
      find: "http: openPlainDoor(), tls: identity",
      replace: "http: openPlainDoor(), tls: undefined",
      test: HUBS,
      name: "speaks TLS on the same port",
    },
  ]),
  ...ofRow("AMQP over WebSocket, with `tls`", [
    {
      does: "has no WebSocket where the SDKs look for it",
      file: "amqp/web-socket-door.ts",
      find: "websocket\\/?(?:\\?.*)?$/i",
      replace: "web-socket\\/?(?:\\?.*)?$/i",
      test: TLS,
      name: "speaks AMQP over WebSocket",
    },
  ]),
  ...ofRow("the official emulator's `Config.json`", [
    {
      does: "makes no consumer groups",
      file: "event-hubs/config.ts",
      find: "consumerGroups: (entity.ConsumerGroups ?? []).map(({ Name }) => Name),",
      replace: "",
      test: HUBS,
      name: "takes the official emulator's file",
    },
    {
      does: "takes properties that it does not know",
      file: "event-hubs/config.ts",
      find: "if (unknown !== undefined) throw",
      replace: "if (false) throw",
      test: HUBS,
      name: "refuses",
    },
  ]),
  ...ofRow("creating hubs over the network", [
    {
      does: "makes every hub with its defaults",
      file: "control-door/operations.ts",
      find: "return () => control.createHub(name, options);",
      replace: "return () => void [options, control.createHub(name)];",
      test: CONTROL_DOOR,
      name: "takes a partition over, gives it back, and makes hubs",
    },
  ]),
  ...ofRow("tokens", [
    {
      does: "asks nobody",
      file: "event-hubs/namespace.ts",
      find: "check(token) ?? this.missing(token)",
      replace: "this.missing(token)",
      test: HUBS,
      name: "refuses tokens as it is told",
    },
    {
      does: "takes a token whatever the answer is",
      file: "amqp/cbs.ts",
      find: "status(refused.status, refused.description)",
      replace: `status(202, "Accepted")`,
      test: HUBS,
      name: "refuses tokens as it is told",
    },
  ]),
  ...ofRow("`accessPolicies`: what the keys of the namespace and of a hub open", [
    {
      does: "lets everyone in beside the policies",
      file: "event-hubs/start.ts",
      find: "accessPolicies !== undefined);",
      replace: "false);",
      test: ACCESS,
      name: "refuses other keys",
    },
    {
      does: "opens links to every key",
      file: "event-hubs/namespace.ts",
      find: `this.access.demand(request.session.connection, resource, isSender ? "Send" : "Listen");`,
      replace: "void resource;",
      test: ACCESS,
      name: "lets a key do what its rights say",
    },
    {
      does: "tells properties to everyone",
      file: "event-hubs/properties-node.ts",
      find: "access.demand(session.connection,",
      replace: "void ((..._: unknown[]) => access)(session.connection,",
      test: NAMESPACE,
      name: "only to who has a right to it",
    },
    {
      does: "tells properties to senders only",
      file: "event-hubs/properties-node.ts",
      find: `"Send", "Listen");`,
      replace: `"Send");`,
      test: ACCESS,
      name: "lets a key do what its rights say",
    },
    {
      does: "takes the key of a hub at another",
      file: "event-hubs/namespace.ts",
      find: `hubOf(token.audience) ?? ""`,
      replace: `"orders"`,
      test: ACCESS,
      name: "refuses other keys",
    },
  ]),
];
