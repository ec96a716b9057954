import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { AmqpError } from "../amqp/amqp-error.ts";
import type { EventGridControl } from "../event-grid/control.ts";
import { EventGridProblem } from "../event-grid/problem.ts";
import type { EventHubsControl } from "../event-hubs/control.ts";
import type { ServiceBusControl } from "../service-bus/control.ts";
import { Arguments, ControlProblem } from "./arguments.ts";
import { EVENT_GRID, eventHubs, type Operation, SERVICE_BUS } from "./operations.ts";

/** Of what runs. */
export interface Controls {
  readonly serviceBus: { readonly control: ServiceBusControl } | undefined;
  readonly eventHubs: { readonly control: EventHubsControl } | undefined;
  readonly eventGrid: { readonly control: EventGridControl } | undefined;
}

export interface ControlDoor {
  readonly url: string;
  close(): Promise<void>;
}

type Call = (args: Arguments) => () => unknown;

const MAX_BODY_BYTES = 4 * 1024 * 1024;

/**
 * The controls of emulators over HTTP: `POST /service-bus/expire-locks` with the arguments as a JSON object, and `GET` of a state with
 * the arguments in the query. 200 with the result as JSON, 204 where there is none; else `{ "error": { "message" } }`. `GET /` lists
 * what there is.
 *
 * Listens on 127.0.0.1 only, whatever the emulators do, and refuses what a browser sends from a page: whoever speaks to it may do
 * anything to the emulators. Rejects when the port is taken.
 */
export async function openControlDoor(controls: Controls, port = 0): Promise<ControlDoor> {
  const calls = callsOf(controls);
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, (request, response) => {
    void answer(calls, request).then(({ status, body }) => {
      response.writeHead(status, { "content-type": "application/json; charset=utf-8" });
      response.end(body);
      request.resume();
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function callsOf({ serviceBus, eventHubs: hubs, eventGrid }: Controls): ReadonlyMap<string, Call> {
  const calls = new Map<string, Call>();
  const add = <Control>(
    name: string,
    emulator: { readonly control: Control } | undefined,
    operations: Readonly<Record<string, Operation<Control>>>,
  ) => {
    if (emulator === undefined) return;
    for (const [key, operation] of Object.entries(operations))
      calls.set(`/${name}/${key}`, (args) => operation(args, emulator.control));
  };
  add("service-bus", serviceBus, SERVICE_BUS);
  add("event-hubs", hubs, eventHubs(new Map()));
  add("event-grid", eventGrid, EVENT_GRID);
  return calls;
}

async function answer(calls: ReadonlyMap<string, Call>, request: IncomingMessage) {
  try {
    checkCaller(request);
    const [path = "/", query = ""] = (request.url ?? "/").split("?", 2);
    if (path === "/" && request.method === "GET") return ok({ operations: [...calls.keys()] });
    const call = calls.get(path);
    if (call === undefined) throw new ControlProblem(404, `There is no ${path}. GET / lists what there is.`);
    const isState = path.endsWith("/state");
    if (request.method !== (isState ? "GET" : "POST"))
      throw new ControlProblem(405, `${path} is asked with ${isState ? "GET" : "POST"}.`);
    const args = new Arguments(isState ? Object.fromEntries(new URLSearchParams(query)) : await readBody(request));
    const run = call(args);
    args.done();
    return ok(await run());
  } catch (error) {
    const status = statusOf(error);
    const message = status === 500 || !(error instanceof Error) ? "Something went wrong here." : error.message;
    return { status, body: JSON.stringify({ error: { message } }) };
  }
}

const ok = (result: unknown) =>
  result === undefined ? { status: 204, body: undefined } : { status: 200, body: JSON.stringify(result) };

/** A page in a browser can make it send requests to loopback addresses; it cannot hide where it comes from. */
function checkCaller({ headers }: IncomingMessage): void {
  if (headers.origin !== undefined) throw new ControlProblem(403, "Pages in a browser are not answered.");
  if (!/^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i.test(headers.host ?? ""))
    throw new ControlProblem(403, "Only requests to a loopback name are answered.");
}

async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new ControlProblem(413, "The body is too large.");
    chunks.push(chunk);
  }
  if (size === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new ControlProblem(400, "The body is no JSON.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new ControlProblem(400, "The body must be a JSON object with the arguments.");
  return value as Record<string, unknown>;
}

function statusOf(error: unknown): number {
  if (error instanceof ControlProblem || error instanceof EventGridProblem) return error.status;
  if (error instanceof AmqpError) return /not-found$/.test(error.condition) ? 404 : 400;
  return 500;
}
