import { unlessAborted, type WireMessage } from "@waybill/core/spi";
import type { WebhookAnswer } from "./answer.ts";
import { type Credentials, createGate } from "./authenticate.ts";
import { answerOptions, answerValidation } from "./handshake.ts";
import { readEvents } from "./read-events.ts";
import { BodyTooLarge } from "./request-body.ts";
import type { WebhookSettings } from "./webhook-options.ts";

/** One event that was pushed. */
export interface Pushed {
  readonly message: WireMessage;
  /** By the service's count, from 1. */
  readonly deliveryCount: number;
  /** Aborts when nobody waits for the answer any more, or the patience is over. */
  readonly signal: AbortSignal;
  /** When the patience is over, milliseconds since the epoch. */
  readonly untilMs: number;
}

/**
 * What becomes of a pushed event: `ack` once it is durable or done with, `release` to have it again, `reject` to have the service give it up, which needs a
 * dead-letter destination. `bus.process` answers so. A rejection counts as `release`.
 */
export type Take = (pushed: Pushed) => Promise<{ readonly kind: "ack" | "release" | "reject" }>;

/** A request, from whichever server. */
export interface WebhookRequest extends Credentials {
  readonly method: string;
  readonly headers: Iterable<readonly [name: string, value: string]>;
  /** The body, or a rejection with {@link BodyTooLarge}. */
  body(maxBytes: number, signal: AbortSignal): Promise<Uint8Array>;
  /** Aborts when the caller is gone. */
  readonly gone: AbortSignal;
}

const JSON_TYPE = { "content-type": "application/json; charset=utf-8" };
const says = (status: number, sentence: string): WebhookAnswer => ({
  status,
  headers: JSON_TYPE,
  body: JSON.stringify({ error: sentence }),
});
/** Have it again: the service waits 30 s at least. Nothing else makes it keep every event. */
const AGAIN = (why: string) => says(503, why);

/** Answers one request. Never rejects, and never answers 2xx before every event of the request has been acked. */
export function createWebhook(
  settings: WebhookSettings,
  take: Take,
): (request: WebhookRequest) => Promise<WebhookAnswer> {
  const gate = createGate(settings.auth);

  const deliver = async (request: WebhookRequest, patience: AbortSignal, untilMs: number): Promise<WebhookAnswer> => {
    if (!(await gate.delivery(request))) return says(401, "These are no credentials of this webhook's.");
    const kind = request.header("aeg-event-type")?.toLowerCase();
    // The subscription is gone: news for people, no event of its topic.
    if (kind === "subscriptiondeletion") return { status: 200, headers: {} };
    const bytes = await request.body(settings.maxBodyBytes, patience);
    if (bytes.length === 0) {
      // Somebody before us has read it and kept it: a matter of how we are mounted, which must not cost events.
      if (request.header("content-length") !== "0") return AGAIN("The body is not here any more.");
      return says(400, "The body is empty.");
    }
    const messages = readEvents({ contentType: request.header("content-type"), bytes, headers: request.headers });
    const deliveryCount = countOf(request.header("aeg-delivery-count"));
    const taking = messages.map(
      async (message) => (await take({ message, deliveryCount, signal: patience, untilMs })).kind,
    );
    const kinds = await unlessAborted(
      Promise.all(taking.map((kind) => kind.catch(() => "release" as const))),
      patience,
    );
    if (kinds === undefined) return AGAIN("Not done with in time.");
    if (kinds.every((one) => one === "ack")) return { status: 204, headers: {} };
    // One answer is for all: what is given up must not take others with it.
    if (kinds.every((one) => one === "reject")) return says(400, "It was given up.");
    return AGAIN("Not done with yet.");
  };

  const validate = async (request: WebhookRequest, patience: AbortSignal): Promise<WebhookAnswer> => {
    if (!gate.address(request)) return says(401, "These are no credentials of this webhook's.");
    const bytes = await request.body(settings.maxBodyBytes, patience);
    return answerValidation(parsed(bytes)) ?? says(400, "The validation event has no code.");
  };

  return async (request) => {
    const patience = new AbortController();
    const untilMs = Date.now() + settings.patienceMs;
    const stop = () => patience.abort();
    const timer = setTimeout(stop, settings.patienceMs);
    request.gone.addEventListener("abort", stop, { once: true });
    if (request.gone.aborted) stop();
    try {
      if (request.method === "OPTIONS") {
        if (!gate.address(request)) return says(401, "These are no credentials of this webhook's.");
        return answerOptions((name) => request.header(name), settings.handshake);
      }
      if (request.method !== "POST")
        return { ...says(405, "Events come by POST."), headers: { ...JSON_TYPE, allow: "POST, OPTIONS" } };
      const isValidation = request.header("aeg-event-type")?.toLowerCase() === "subscriptionvalidation";
      return await (isValidation ? validate(request, patience.signal) : deliver(request, patience.signal, untilMs));
    } catch (error) {
      if (error instanceof BodyTooLarge) return says(413, `The body has more than ${settings.maxBodyBytes} bytes.`);
      if (patience.signal.aborted) return says(408, "The body did not come in time.");
      return AGAIN("Nobody can tell just now.");
    } finally {
      clearTimeout(timer);
      request.gone.removeEventListener("abort", stop);
    }
  };
}

/** The service counts from 0, its documentation shows 1: the lower one, for an attempt too few would be one that is never made. */
function countOf(text: string | undefined): number {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) + 1 : 1;
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}
