import { type Mutant, ofRow } from "../mutant.ts";

const PUBLISH = "test/integration/emulator-event-grid.test.ts";
const PULL = "test/integration/emulator-event-grid-pull.test.ts";
const DOOR = "test/integration/emulator-event-grid-door.test.ts";
const DURABILITY = "test/integration/emulator-durability.test.ts";
const CONTROL_DOOR = "test/integration/emulator-control-door.test.ts";
const HTTP_DOOR = "packages/emulators/src/event-grid/http/http-door.test.ts";
const AUTHORIZATION = "packages/emulators/src/event-grid/http/authorization.test.ts";
const PULL_QUEUE = "packages/emulators/src/event-grid/pull/pull-queue.test.ts";

/** Who is let in, peers, faults, and what outlives the process. */
export const DOORS: readonly Mutant[] = [
  ...ofRow("key and SAS", [
    {
      does: "takes any key",
      file: "event-grid/http/authorization.ts",
      find: "if (!gate.keys.some((key) => isSame(key, given)))",
      replace: "if (false)",
      test: AUTHORIZATION,
      name: "takes the key",
    },
    {
      does: "takes a custom topic's header in a namespace",
      file: "event-grid/http/authorization.ts",
      find: "gate.isNamespace ? {} : headers",
      replace: "headers",
      test: AUTHORIZATION,
      name: "takes the key",
    },
    {
      does: "takes a token that has expired",
      file: "event-grid/http/authorization.ts",
      find: "expiresAt === undefined || expiresAt <= gate.now",
      replace: "expiresAt === undefined",
      test: PUBLISH,
      name: "checks a SAS token",
    },
    {
      does: "takes any signature",
      file: "event-grid/http/authorization.ts",
      find: "if (!isSigned)",
      replace: "if (false)",
      test: PUBLISH,
      name: "checks a SAS token",
    },
    {
      does: "takes a token for another resource",
      file: "event-grid/http/authorization.ts",
      find: "if (path === undefined || (wanted !== path",
      replace: "if (false && (wanted !== path",
      test: AUTHORIZATION,
      name: "refuses a token for another resource",
    },
  ]),
  ...ofRow("bearer tokens", [
    {
      does: "refuses bearer tokens",
      file: "event-grid/http/authorization.ts",
      find: `else if (name !== "bearer") throw missing(gate);`,
      replace: "else if (true) throw missing(gate);",
      test: PUBLISH,
      name: "takes a token credential over HTTPS",
    },
    {
      does: "takes an empty one",
      file: "event-grid/http/authorization.ts",
      find: `else if (credential.trim() === "")`,
      replace: "else if (false)",
      test: AUTHORIZATION,
      name: "takes any bearer token that is one",
    },
  ]),
  ...ofRow("401, 404, 413 and the sentences beside them", [
    {
      does: "answers 200 for a topic that is not there",
      file: "event-grid/problem.ts",
      find: "this.status = status;",
      replace: "this.status = status === 404 ? 200 : status;",
      test: PUBLISH,
      name: "answers as the service",
    },
    {
      does: "takes more than 1 MB",
      file: "event-grid/http/http-door.ts",
      find: "const MAX_PUBLISH_BYTES = 1024 * 1024;",
      replace: "const MAX_PUBLISH_BYTES = 2 * 1024 * 1024;",
      test: PUBLISH,
      name: "answers as the service",
    },
    {
      does: "takes more than 5 000 events",
      file: "event-grid/http/http-door.ts",
      find: "const MAX_EVENTS = 5000;",
      replace: "const MAX_EVENTS = 5001;",
      test: PUBLISH,
      name: "answers as the service",
    },
    {
      does: "takes more than 1 000 events in a namespace",
      file: "event-grid/http/http-door.ts",
      find: "const MAX_NAMESPACE_EVENTS = 1000;",
      replace: "const MAX_NAMESPACE_EVENTS = 1001;",
      test: PULL,
    },
    {
      does: "has no details in its errors",
      file: "event-grid/problem.ts",
      find: "details: [{ code: detailCode, message }]",
      replace: "details: []",
      test: PUBLISH,
      name: "answers as the service",
    },
  ]),
  ...ofRow("hostile peers", [
    {
      does: "waits for slow clients for ever",
      file: "event-grid/http/http-door.ts",
      find: "requestTimeout: requestTimeoutMs,",
      replace: "requestTimeout: 0,",
      test: DOOR,
      name: "closes slow clients",
    },
    {
      does: "keeps an unannounced flood",
      file: "event-grid/http/read-body.ts",
      find: "if (size <= maxBytes) chunks.push(chunk);",
      replace: "if (true) chunks.push(chunk);",
      test: DOOR,
      name: "refuses an announced and an unannounced flood",
    },
    {
      does: "lets one bad request end the process",
      file: "event-grid/http/http-door.ts",
      find: "answer = describe(error);",
      replace: "throw error;",
      test: DOOR,
      name: "answers every body with 200 or 4xx",
    },
    {
      does: "answers other methods",
      file: "event-grid/http/http-door.ts",
      find: `if (request.method !== "POST")`,
      replace: "if (false)",
      test: DOOR,
      name: "answers 405 for",
    },
    {
      does: "listens on every address",
      file: "event-grid/start.ts",
      find: `options.host ?? "127.0.0.1"`,
      replace: `options.host ?? "0.0.0.0"`,
      test: DOOR,
      name: "listens on loopback only",
    },
  ]),
  ...ofRow("faults on demand, in process and over HTTP", [
    {
      does: "does not throttle",
      file: "event-grid/http/http-door.ts",
      find: "if (faults.throttle !== undefined)",
      replace: "if (false)",
      test: PUBLISH,
      name: "throttles with Retry-After",
    },
    {
      does: "refuses once more than told",
      file: "event-grid/fault-plan.ts",
      find: "if (first.times <= 0)",
      replace: "if (first.times < 0)",
      test: PUBLISH,
      name: "refuses as often as told",
    },
    {
      does: "answers though told not to",
      file: "event-grid/http/http-door.ts",
      find: "if (faults.isSilent) {",
      replace: "if (false) {",
      test: PUBLISH,
      name: "stops answering",
    },
    {
      does: "does not refuse over HTTP",
      file: "event-grid/control.ts",
      find: "void faults.refusals.push({ status, times, message }),",
      replace: "undefined,",
      test: CONTROL_DOOR,
      name: "makes the faults of Event Grid",
    },
    {
      does: "ends no locks",
      file: "event-grid/pull/pull-queue.ts",
      find: "return tokens.filter((one) => this.loseLock(one)).length;",
      replace: "return tokens.length;",
      test: PULL_QUEUE,
      name: "can be ended by hand",
    },
  ]),
  ...ofRow("durability: what waits over a restart and a kill, with `dataDir`", [
    {
      does: "says yes to what it could not write",
      file: "event-grid/http/http-door.ts",
      find: "options.commit();",
      replace: "",
      test: HTTP_DOOR,
    },
    {
      does: "forgets the count of deliveries",
      file: "event-grid/pull/pull-queue.ts",
      find: "const entry: Entry = { id, event, deliveries, receivedAt, lock: undefined, delay: undefined };",
      replace:
        "const entry: Entry = { id, event, deliveries: deliveries * 0, receivedAt, lock: undefined, delay: undefined };",
      test: DURABILITY,
      name: "has what waits to be received after a kill",
    },
    {
      does: "delivers what was acknowledged again",
      file: "event-grid/journal.ts",
      find: "remove: (id) => file.write(() => remove.run(id)),",
      replace: "remove: (id) => void id,",
      test: DURABILITY,
      name: "Event Grid",
    },
    {
      does: "loses dead letters that were not written",
      file: "event-grid/dead-letters.ts",
      find: "this.waiting = [...this.shelf.all()];",
      replace: "",
      test: DURABILITY,
      name: "writes dead letters that were not written",
    },
    {
      does: "pushes nothing after a restart",
      file: "event-grid/push/push-queue.ts",
      find: "if (entry.nextAttemptAt === undefined) this.ready.push(entry);\n      else this.tryAgainAt(entry.nextAttemptAt, [entry]);",
      replace: "",
      test: DURABILITY,
      name: "pushes what was not delivered",
    },
  ]),
];
