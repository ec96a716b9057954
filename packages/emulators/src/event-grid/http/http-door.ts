import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Clock } from "../../clock.ts";
import { readEvents } from "../events/read-events.ts";
import { onlyTopic, topicOfDomain } from "../events/topic-of-event.ts";
import type { FaultPlan } from "../fault-plan.ts";
import { EventGridProblem } from "../problem.ts";
import { runPullOperation } from "../pull/pull-operations.ts";
import { PullQueue } from "../pull/pull-queue.ts";
import type { Topic, Topics } from "../topics.ts";
import { authorize } from "./authorization.ts";
import { drain, readBody } from "./read-body.ts";
import { parseRoute, type Route } from "./route.ts";

const MAX_PUBLISH_BYTES = 1024 * 1024;
const MAX_PULL_BYTES = 256 * 1024;
const MAX_EVENTS = 5000;
const MAX_NAMESPACE_EVENTS = 1000;

/** What the service's API definition says of a publish to a namespace topic that is too large, or whose topic is not there. */
const NAMESPACE_TOO_LARGE = 403;
const NAMESPACE_TOPIC_GONE = 410;

export interface HttpDoorOptions {
  readonly topics: Topics;
  readonly faults: FaultPlan;
  readonly keys: readonly string[];
  readonly clock: Clock;
  /** Called before an answer leaves: makes what it tells of last. */
  readonly commit: () => void;
  /** How long a client may take for its headers, and for the whole request. Milliseconds. */
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
}

interface Answer {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The publish and pull endpoints. One request never harms another: what it throws becomes its own answer. */
export function openHttpDoor(options: HttpDoorOptions): Server {
  const { headersTimeoutMs, requestTimeoutMs } = options;
  const limits = {
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: Math.min(1000, headersTimeoutMs),
  };
  return createServer(limits, (request, response) => void serve(options, request, response));
}

async function serve(options: HttpDoorOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { faults } = options;
  if (faults.isSilent) {
    drain(request);
    return;
  }
  let answer: Answer;
  try {
    answer = await handle(options, request, response);
    options.commit();
  } catch (error) {
    answer = describe(error);
  }
  // It can have been switched on while the request was at work.
  if (faults.isSilent || response.destroyed) return;
  const body = answer.body ?? "";
  response.writeHead(answer.status, {
    ...(body === "" ? {} : { "content-type": "application/json; charset=utf-8" }),
    "content-length": Buffer.byteLength(body),
    ...answer.headers,
  });
  // Not closed after an early refusal: a client that is still sending would see a broken pipe instead of the answer.
  response.end(body);
  drain(request);
}

function describe(error: unknown): Answer {
  const problem = error instanceof EventGridProblem ? error : new EventGridProblem(500, "Something went wrong here.");
  return {
    status: problem.status,
    body: JSON.stringify(problem),
    headers: { "x-ms-error-code": problem.code },
  };
}

async function handle(options: HttpDoorOptions, request: IncomingMessage, response: ServerResponse): Promise<Answer> {
  const [path = "/", queryText = ""] = (request.url ?? "/").split("?", 2);
  const query = new URLSearchParams(queryText);
  const route = parseRoute(path);
  if (route === undefined) throw new EventGridProblem(404, "There is nothing at this path.");
  if (route.kind === "health") return { status: 200, body: `{"status":"healthy"}` };
  if (route.kind === "validate") {
    if (!options.topics.validate(query.get("id") ?? ""))
      throw new EventGridProblem(404, "Nothing waits for this code.");
    return { status: 200, body: `{"status":"Webhook successfully validated as a subscription endpoint"}` };
  }
  if (request.method !== "POST") throw new EventGridProblem(405, "Only POST is allowed here.");
  const topic = findTopic(options.topics, route);
  const fault = faultOf(options.faults);
  if (fault !== undefined) return fault;
  const isNamespace = topic.kind === "namespace";
  authorize(request.headers, {
    keys: options.keys,
    path,
    host: request.headers.host ?? "",
    isNamespace,
    now: options.clock.now(),
  });
  if (isNamespace && !/^\d{4}-\d\d-\d\d(-preview)?$/.test(query.get("api-version") ?? ""))
    throw new EventGridProblem(400, "The api-version query parameter is missing or malformed.");
  if (route.kind === "pull") return await pull(options.topics, topic, route, query, request, response);
  const tooLargeStatus = isNamespace ? NAMESPACE_TOO_LARGE : 413;
  const body = await readBody(request, MAX_PUBLISH_BYTES, tooLargeStatus);
  const isDomain = topic.kind === "domain";
  const events = readEvents(
    { headers: request.headers, body },
    {
      schema: topic.inputSchema,
      mapping: topic.mapping,
      topicOf: isDomain ? topicOfDomain(topic.resourceId) : onlyTopic(topic.resourceId),
      sourceNamesTopic: isDomain,
      maxEvents: isNamespace ? MAX_NAMESPACE_EVENTS : MAX_EVENTS,
      tooManyStatus: tooLargeStatus,
      requiresData: isNamespace,
    },
  );
  const channel = request.headers["aeg-channel-name"];
  options.topics.publish(topic, events, typeof channel === "string" ? channel : undefined);
  return isNamespace ? { status: 200, body: "{}" } : { status: 200 };
}

async function pull(
  topics: Topics,
  topic: Topic,
  route: Extract<Route, { kind: "pull" }>,
  query: URLSearchParams,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Answer> {
  const { queue } = topics.subscription(topic.path, route.subscription);
  if (!(queue instanceof PullQueue))
    throw new EventGridProblem(400, `'${route.subscription}' delivers by push: nothing can be received from it.`);
  const body = await readBody(request, MAX_PULL_BYTES);
  const gone = new AbortController();
  const abort = () => gone.abort();
  response.once("close", abort);
  try {
    return {
      status: 200,
      body: await runPullOperation(queue, route.operation, query, body.toString("utf8"), gone.signal),
    };
  } finally {
    response.off("close", abort);
  }
}

function findTopic(topics: Topics, route: Extract<Route, { topic: string }>): Topic {
  const isCustom = route.kind === "custom-publish";
  const topic = isCustom
    ? topics.find(route.topic)
    : route.namespace === undefined
      ? topics.findInNamespaces(route.topic)
      : topics.find(`${route.namespace}/${route.topic}`);
  if (topic === undefined || (topic.kind === "namespace") === isCustom)
    throw new EventGridProblem(
      route.kind === "namespace-publish" ? NAMESPACE_TOPIC_GONE : 404,
      `The topic '${route.topic}' was not found.`,
    );
  return topic;
}

function faultOf(faults: FaultPlan): Answer | undefined {
  if (faults.throttle !== undefined) {
    const problem = new EventGridProblem(429, "The request was throttled: too many requests.");
    return { ...describe(problem), headers: { "retry-after": String(faults.throttle) } };
  }
  const refusal = faults.takeRefusal();
  return refusal === undefined ? undefined : describe(new EventGridProblem(refusal.status, refusal.message));
}
