import { randomUUID } from "node:crypto";
import type { DeliverySchema } from "../events/accepted-event.ts";
import type { WebhookCaller } from "./webhook-call.ts";

/** The sender that the service names itself. */
export const ORIGIN = "eventgrid.azure.net";
/** Requests a minute that it asks for. */
const REQUEST_RATE = "120";

export type HandshakeResult =
  | { readonly kind: "granted" }
  /** Somebody must open the validation address. */
  | { readonly kind: "awaiting" }
  | { readonly kind: "refused"; readonly reason: string };

export interface HandshakeRequest {
  readonly endpointUrl: string;
  readonly schema: DeliverySchema;
  readonly topicId: string;
  readonly subscription: string;
  /** Grants the permission when it is opened. */
  readonly validationUrl: string;
  readonly validationCode: string;
  readonly nowIso: string;
}

/** Asks a webhook whether it wants events. Never rejects. */
export const shakeHands = (caller: WebhookCaller, request: HandshakeRequest): Promise<HandshakeResult> =>
  request.schema === "CloudEventSchemaV1_0" ? askPermission(caller, request) : sendValidationEvent(caller, request);

/** The CloudEvents way: permission is in two headers of the answer, and nowhere else. */
async function askPermission(caller: WebhookCaller, request: HandshakeRequest): Promise<HandshakeResult> {
  const answer = await caller.call({
    method: "OPTIONS",
    url: request.endpointUrl,
    headers: {
      "webhook-request-origin": ORIGIN,
      "webhook-request-callback": request.validationUrl,
      "webhook-request-rate": REQUEST_RATE,
    },
  });
  if (answer.kind !== "status") return { kind: "refused", reason: "The endpoint did not answer." };
  const { "webhook-allowed-origin": origin, "webhook-allowed-rate": rate } = answer.headers;
  if (origin === undefined && answer.status >= 200 && answer.status <= 299) return { kind: "awaiting" };
  if (origin === undefined) return { kind: "refused", reason: `The endpoint answered OPTIONS with ${answer.status}.` };
  if (origin !== "*" && origin !== ORIGIN)
    return { kind: "refused", reason: "WebHook-Allowed-Origin names neither us nor '*'." };
  if (rate === undefined) return { kind: "refused", reason: "The answer has no WebHook-Allowed-Rate." };
  return { kind: "granted" };
}

/** The Event Grid way: a validation event, whose code comes back. */
async function sendValidationEvent(caller: WebhookCaller, request: HandshakeRequest): Promise<HandshakeResult> {
  const { validationCode, validationUrl } = request;
  const event = {
    id: randomUUID(),
    topic: request.topicId,
    subject: "",
    eventType: "Microsoft.EventGrid.SubscriptionValidationEvent",
    eventTime: request.nowIso,
    data: { validationCode, validationUrl },
    metadataVersion: "1",
    dataVersion: "1",
  };
  const answer = await caller.call({
    method: "POST",
    url: request.endpointUrl,
    headers: {
      "content-type": "application/json; charset=utf-8",
      "aeg-event-type": "SubscriptionValidation",
      "aeg-subscription-name": request.subscription.toUpperCase(),
      "aeg-delivery-count": "0",
      "aeg-data-version": "1",
      "aeg-metadata-version": "1",
    },
    body: JSON.stringify([event]),
  });
  if (answer.kind !== "status") return { kind: "refused", reason: "The endpoint did not answer." };
  if (answer.status !== 200 && answer.status !== 202)
    return { kind: "refused", reason: `The endpoint answered the validation event with ${answer.status}.` };
  const response = validationResponse(answer.body);
  if (response === undefined) return { kind: "awaiting" };
  return response === validationCode
    ? { kind: "granted" }
    : { kind: "refused", reason: "The validationResponse is not the validationCode." };
}

function validationResponse(body: string): unknown {
  try {
    const value = JSON.parse(body) as { readonly validationResponse?: unknown } | null;
    return value?.validationResponse;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
