import type { AcceptedEvent, DeliverySchema } from "../events/accepted-event.ts";
import { writeEvent } from "../events/accepted-event.ts";
import { type DeliveryAttributeMapping, deliveryAttributes, isHeaderValue } from "./delivery-attributes.ts";
import { ORIGIN } from "./handshake.ts";
import { type FailedAttempt, isSuccess, outcomeOf } from "./retry-rules.ts";
import type { WebhookCaller } from "./webhook-call.ts";

export interface WebHookDestination {
  readonly endpointType: "WebHook";
  /** Kept out of everything that is shown, from the question mark on. HTTP is taken too; the service takes only HTTPS. */
  readonly endpointUrl: string;
  /** 1–5000. Batching is off unless one of the two is given. */
  readonly maxEventsPerBatch?: number | undefined;
  /** 1–1024. A single event that is larger goes alone. */
  readonly preferredBatchSizeInKilobytes?: number | undefined;
  readonly deliveryAttributeMappings?: readonly DeliveryAttributeMapping[] | undefined;
  /** Delivers without asking first. The service always asks. Default false. */
  readonly skipValidation?: boolean | undefined;
}

/** What a queue, topic or hub is given. */
export interface AzureDelivery {
  /** One event; an array of events for Event Hubs; in base64 for a Storage queue. */
  readonly body: string;
  readonly contentType: string;
  /** Stable over repeated deliveries: what Service Bus gets as the message's id. */
  readonly messageId: string;
  /** `aeg-…` and the delivery attributes: the message's application properties. A Storage queue has none. */
  readonly properties: Readonly<Record<string, string>>;
}

/** Resolves when the destination has it. A rejection with a numeric `statusCode` counts as that HTTP status. */
export type AzureSend = (delivery: AzureDelivery) => Promise<void>;

export type AzureEndpointType = "StorageQueue" | "ServiceBusQueue" | "ServiceBusTopic" | "EventHub";

/** Sends to an entity of an emulator that runs beside this one. */
export type NeighbourSends = Readonly<Record<AzureEndpointType, (entity: string) => AzureSend>>;

export interface AzureDestination {
  readonly endpointType: AzureEndpointType;
  /** The function, or its name among the emulator's `destinations`. */
  readonly send?: AzureSend | string | undefined;
  /** Instead of `send`: the queue, topic or hub of that name in the emulator beside this one. */
  readonly entity?: string | undefined;
  readonly deliveryAttributeMappings?: readonly DeliveryAttributeMapping[] | undefined;
}

export type Destination = WebHookDestination | AzureDestination;

export type AttemptResult =
  | { readonly kind: "delivered" }
  | { readonly kind: "failed"; readonly failure: FailedAttempt; readonly late?: Promise<boolean> };

/** Delivers some events in one go, all or none; `attempt` is the number of attempts before this one. Never rejects. */
export type Deliver = (events: readonly AcceptedEvent[], attempt: number) => Promise<AttemptResult>;

export interface DeliveryForm {
  readonly subscription: string;
  readonly schema: DeliverySchema;
}

export function webhookDelivery(destination: WebHookDestination, form: DeliveryForm, caller: WebhookCaller): Deliver {
  const isBatched = isBatching(destination);
  return async (events, attempt) => {
    const answer = await caller.call({
      method: "POST",
      url: destination.endpointUrl,
      headers: {
        ...deliveryAttributes(destination.deliveryAttributeMappings ?? [], events[0]!),
        ...serviceHeaders(events, attempt, form),
        "content-type": contentType(form.schema, isBatched),
        ...(form.schema === "CloudEventSchemaV1_0" ? { origin: ORIGIN } : {}),
      },
      body: bodyOf(events, form.schema, isBatched || form.schema !== "CloudEventSchemaV1_0"),
    });
    if (answer.kind === "status") {
      if (isSuccess(answer.status)) return { kind: "delivered" };
      return { kind: "failed", failure: { status: answer.status, outcome: outcomeOf(answer.status) } };
    }
    if (answer.kind === "timeout") {
      const late = answer.late.then((status) => status !== undefined && isSuccess(status));
      return { kind: "failed", failure: { status: undefined, outcome: "TimedOut" }, late };
    }
    const outcome = answer.code === "ENOTFOUND" || answer.code === "EAI_AGAIN" ? "ResolutionError" : "SocketError";
    return { kind: "failed", failure: { status: undefined, outcome } };
  };
}

export function azureDelivery(destination: AzureDestination, send: AzureSend, form: DeliveryForm): Deliver {
  return async (events, attempt) => {
    const first = events[0]!;
    const body = bodyOf(events, form.schema, destination.endpointType === "EventHub");
    const isQueue = destination.endpointType === "StorageQueue";
    try {
      await send({
        body: isQueue ? Buffer.from(body).toString("base64") : body,
        contentType: contentType(form.schema, destination.endpointType === "EventHub"),
        messageId: first.outputId,
        properties: {
          ...deliveryAttributes(destination.deliveryAttributeMappings ?? [], first),
          ...serviceHeaders(events, attempt, form),
        },
      });
      return { kind: "delivered" };
    } catch (error) {
      const { statusCode } = (error ?? {}) as { readonly statusCode?: unknown };
      const status = typeof statusCode === "number" ? statusCode : undefined;
      return {
        kind: "failed",
        failure: { status, outcome: status === undefined ? "GenericError" : outcomeOf(status) },
      };
    }
  };
}

export const isBatching = ({ maxEventsPerBatch, preferredBatchSizeInKilobytes }: WebHookDestination): boolean =>
  maxEventsPerBatch !== undefined || preferredBatchSizeInKilobytes !== undefined;

function serviceHeaders(events: readonly AcceptedEvent[], attempt: number, form: DeliveryForm): Record<string, string> {
  const first = events[0]!;
  const isEventGrid = form.schema !== "CloudEventSchemaV1_0";
  const { dataVersion } = first.attributes;
  const hasVersion = isEventGrid && typeof dataVersion === "string" && isHeaderValue(dataVersion);
  return {
    "aeg-event-type": "Notification",
    "aeg-subscription-name": form.subscription.toUpperCase(),
    "aeg-delivery-count": String(attempt),
    "aeg-metadata-version": isEventGrid ? "1" : "1.0",
    ...(hasVersion ? { "aeg-data-version": dataVersion } : {}),
    ...(events.length === 1 ? { "aeg-output-event-id": first.outputId } : {}),
  };
}

function contentType(schema: DeliverySchema, isBatch: boolean): string {
  if (schema !== "CloudEventSchemaV1_0") return "application/json; charset=utf-8";
  return `application/cloudevents${isBatch ? "-batch" : ""}+json; charset=utf-8`;
}

function bodyOf(events: readonly AcceptedEvent[], schema: DeliverySchema, isArray: boolean): string {
  const texts = events.map((event) => writeEvent(event, schema));
  return isArray ? `[${texts.join(",")}]` : texts[0]!;
}
