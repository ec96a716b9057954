import type { IncomingMessage, ServerResponse } from "node:http";
import type { WebhookAnswer } from "./answer.ts";
import { readBody } from "./request-body.ts";
import { createWebhook, type Take, type WebhookRequest } from "./webhook.ts";
import { checkWebhookOptions, refused, type WebhookOptions } from "./webhook-options.ts";

/** What `Request` and Azure Functions' `HttpRequest` have in common. */
export interface WebRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: { get(name: string): string | null; forEach(visit: (value: string, name: string) => void): void };
  readonly body: AsyncIterable<Uint8Array> | null;
  readonly signal?: AbortSignal;
}

/** A webhook, for every server: itself a plain Node handler for `http`, Express and Fastify's raw request; `web` for those who speak `Request`. */
export interface WebhookHandler {
  /** Resolves when the answer is written. Never rejects. */
  (request: IncomingMessage, response: ServerResponse): Promise<void>;
  web(request: WebRequest): Promise<WebhookAnswer>;
}

/**
 * A webhook of its own, without a receive loop: `take` answers for each event. `(pushed) => bus.process("orders", pushed.message)` handles it at once,
 * `storing(…)` stores it first.
 */
export function eventGridWebhook({ take, ...options }: WebhookOptions & { readonly take: Take }): WebhookHandler {
  const settings = checkWebhookOptions(options);
  if (typeof take !== "function") throw refused("take", "must be a function");
  return mount(createWebhook(settings, take));
}

const NEVER = new AbortController().signal;

export function mount(answer: (request: WebhookRequest) => Promise<WebhookAnswer>): WebhookHandler {
  const node = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const gone = new AbortController();
    const leave = () => gone.abort();
    response.once("close", leave);
    const given = await answer(nodeRequest(request, gone.signal));
    response.off("close", leave);
    if (response.destroyed || response.headersSent) return;
    // What was not read stays unread: the connection cannot be used again.
    const unread = !request.complete && given.status !== 200 && given.status !== 204;
    response.writeHead(given.status, { ...given.headers, ...(unread ? { connection: "close" } : {}) });
    response.end(given.body);
  };
  return Object.assign(node, { web: (request: WebRequest) => answer(webRequest(request)) });
}

function nodeRequest(request: IncomingMessage, gone: AbortSignal): WebhookRequest {
  const one = (name: string) => {
    const value = request.headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
  return {
    method: request.method ?? "",
    header: one,
    query: queryOf(request.url ?? "/"),
    headers: Object.entries(request.headers).flatMap(([name, value]) =>
      typeof value === "string" ? [[name, value] as const] : [],
    ),
    async body(maxBytes, signal) {
      const parsed = (request as { body?: unknown }).body;
      const chunks = request.readableEnded && parsed !== undefined ? once(bytesOf(parsed)) : request;
      return readBody(chunks, lengthOf(one("content-length")), maxBytes, signal);
    },
    gone,
  };
}

function webRequest(request: WebRequest): WebhookRequest {
  const headers: [string, string][] = [];
  request.headers.forEach((value, name) => {
    headers.push([name.toLowerCase(), value]);
  });
  const one = (name: string) => request.headers.get(name) ?? undefined;
  return {
    method: request.method,
    header: one,
    query: queryOf(request.url),
    headers,
    body: (maxBytes, signal) =>
      readBody(request.body ?? once(new Uint8Array()), lengthOf(one("content-length")), maxBytes, signal),
    gone: request.signal ?? NEVER,
  };
}

/** From the raw address: a path that is no URL has no parameters. */
function queryOf(url: string): (name: string) => readonly string[] {
  const at = url.indexOf("?");
  const parameters = new URLSearchParams(at < 0 ? "" : url.slice(at + 1));
  return (name) => parameters.getAll(name);
}

const lengthOf = (text: string | undefined) => (text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined);

/** A parser stood before us and has read the body: Express with `express.json()` or `express.raw()`. */
function bytesOf(parsed: unknown): Uint8Array {
  if (parsed instanceof Uint8Array) return parsed;
  return Buffer.from(typeof parsed === "string" ? parsed : JSON.stringify(parsed));
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
