import type { WebhookAnswer } from "./answer.ts";

/** What the service names itself as in the CloudEvents handshake. */
export const EVENT_GRID_ORIGIN = "eventgrid.azure.net";

export interface HandshakeOptions {
  readonly origins: readonly string[];
  /** Requests a minute that are welcome, or `*`. */
  readonly rate: number | "*";
}

/**
 * The CloudEvents handshake: consent is in the two headers and nowhere else. To the address that the request would have us call
 * (`WebHook-Request-Callback`) nothing is sent: whoever can reach us could make us call anything.
 */
export function answerOptions(header: (name: string) => string | undefined, options: HandshakeOptions): WebhookAnswer {
  const origin = header("webhook-request-origin");
  if (origin === undefined) return { status: 204, headers: { allow: "POST, OPTIONS" } };
  const wanted =
    options.origins.includes("*") || options.origins.some((one) => one.toLowerCase() === origin.toLowerCase());
  if (!wanted) return { status: 403, headers: { allow: "POST, OPTIONS" } };
  const rate = String(options.rate);
  return {
    status: 200,
    headers: { allow: "POST, OPTIONS", "webhook-allowed-origin": origin, "webhook-allowed-rate": rate },
  };
}

/** The handshake of the Event Grid schema: an event with a code, which goes back. Undefined for what is no such event. */
export function answerValidation(body: unknown): WebhookAnswer | undefined {
  const event: unknown = Array.isArray(body) ? body[0] : body;
  const { validationCode } = ((event as { data?: unknown } | null | undefined)?.data ?? {}) as {
    validationCode?: unknown;
  };
  if (typeof validationCode !== "string" || validationCode === "") return undefined;
  return {
    status: 200,
    headers: { "content-type": "application/json; charset=utf-8" },
    body: JSON.stringify({ validationResponse: validationCode }),
  };
}
