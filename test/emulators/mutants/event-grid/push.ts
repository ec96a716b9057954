import { type Mutant, ofRow } from "../mutant.ts";

const PUBLISH = "test/integration/emulator-event-grid.test.ts";
const WEBHOOK = "test/integration/emulator-event-grid-webhook.test.ts";
const NEIGHBOURS = "test/integration/emulator-neighbours.test.ts";
const PUSH_QUEUE = "packages/emulators/src/event-grid/push/push-queue.test.ts";

/** Handshakes, deliveries and the places that they go to. */
export const PUSH_DELIVERY: readonly Mutant[] = [
  ...ofRow("webhook handshake: OPTIONS with origin, rate and callback", [
    {
      does: "does not ask",
      file: "event-grid/topics.ts",
      find: `if (destination?.endpointType !== "WebHook" || destination.skipValidation === true) return;`,
      replace: "return;",
      test: WEBHOOK,
      name: "asks by OPTIONS",
    },
    {
      does: "takes a consent to another origin",
      file: "event-grid/push/handshake.ts",
      find: `if (origin !== "*" && origin !== ORIGIN)`,
      replace: "if (false)",
      test: WEBHOOK,
      name: "for a refusal",
    },
    {
      does: "wants no rate",
      file: "event-grid/push/handshake.ts",
      find: "if (rate === undefined) return",
      replace: "if (false) return",
      test: WEBHOOK,
      name: "for a refusal",
    },
    {
      does: "asks without a rate",
      file: "event-grid/push/handshake.ts",
      find: `"webhook-request-rate": REQUEST_RATE,`,
      replace: "",
      test: WEBHOOK,
      name: "asks by OPTIONS",
    },
    {
      does: "delivers before somebody has opened the address",
      file: "event-grid/subscription.ts",
      find: `if (this.provisioningState !== "Succeeded") return;`,
      replace: "",
      test: WEBHOOK,
      name: "waits for the callback",
    },
  ]),
  ...ofRow("webhook handshake: validation event and address", [
    {
      does: "takes a wrong code for consent",
      file: "event-grid/push/handshake.ts",
      find: "return response === validationCode",
      replace: "return response !== undefined",
      test: WEBHOOK,
      name: "takes a wrong code for a refusal",
    },
    {
      does: "keeps the address open for longer than ten minutes",
      file: "event-grid/topics.ts",
      find: "this.around.timing.clock.now() >= pending.until",
      replace: "false",
      test: WEBHOOK,
      name: "within ten minutes",
    },
    {
      does: "does not say what it is",
      file: "event-grid/push/handshake.ts",
      find: `"aeg-event-type": "SubscriptionValidation",`,
      replace: "",
      test: WEBHOOK,
      name: "sends a validation event",
    },
  ]),
  ...ofRow("webhook delivery with `aeg-*` headers, in both schemas", [
    ...(
      [
        ["the kind of event", `"aeg-event-type": "Notification",`, ""],
        ["the subscription", `"aeg-subscription-name": form.subscription.toUpperCase(),`, ""],
        ["the attempt", `"aeg-delivery-count": String(attempt),`, `"aeg-delivery-count": "0",`],
        ["the metadata version", `"aeg-metadata-version": isEventGrid ? "1" : "1.0",`, ""],
        ["the data version", `...(hasVersion ? { "aeg-data-version": dataVersion } : {}),`, ""],
        ["Event Grid's own id", `...(events.length === 1 ? { "aeg-output-event-id": first.outputId } : {}),`, ""],
        ["its origin", `...(form.schema === "CloudEventSchemaV1_0" ? { origin: ORIGIN } : {}),`, ""],
      ] as const
    ).map(([what, find, replace]) => ({
      does: `does not say ${what}`,
      file: "event-grid/push/destination.ts",
      find,
      replace,
      test: WEBHOOK,
    })),
    {
      does: "posts one event of the Event Grid schema outside of an array",
      file: "event-grid/push/destination.ts",
      find: `isBatched || form.schema !== "CloudEventSchemaV1_0")`,
      replace: "isBatched)",
      test: WEBHOOK,
      name: "posts an array of one",
    },
    {
      does: "leaves an event of the Event Grid schema as it is for who wants CloudEvents",
      file: "event-grid/events/accepted-event.ts",
      find: `return { specversion: "1.0", id, source: topic, subject, type: eventType, time: eventTime, data };`,
      replace: "return event.attributes;",
      test: WEBHOOK,
      name: "posts an array of one",
    },
  ]),
  ...ofRow("webhook batching", [
    {
      does: "posts one at a time",
      file: "event-grid/push/destination.ts",
      find: "maxEventsPerBatch !== undefined || preferredBatchSizeInKilobytes !== undefined",
      replace: "false",
      test: WEBHOOK,
      name: "posts batches when they are on",
    },
    {
      does: "posts more events than were asked for",
      file: "event-grid/push/push-queue.ts",
      find: "if (batch.length === maxEventsPerBatch) break;",
      replace: "",
      test: PUSH_QUEUE,
      name: "keep to the number of events",
    },
    {
      does: "posts more bytes than were asked for",
      file: "event-grid/push/push-queue.ts",
      find: "bytes + size > maxBatchBytes",
      replace: "false",
      test: PUSH_QUEUE,
      name: "keep to the size",
    },
    {
      does: "posts old and new attempts in one request",
      file: "event-grid/push/push-queue.ts",
      find: " || entry.attempts !== batch[0]!.attempts)",
      replace: ")",
      test: PUSH_QUEUE,
    },
  ]),
  ...ofRow("Storage queue, Service Bus and Event Hubs as destinations, with delivery attributes", [
    {
      does: "gives a storage queue plain text",
      file: "event-grid/push/destination.ts",
      find: `isQueue ? Buffer.from(body).toString("base64") : body`,
      replace: "body",
      test: PUBLISH,
      name: "get what the service gives them",
    },
    {
      does: "gives an event hub single events",
      file: "event-grid/push/destination.ts",
      find: `const body = bodyOf(events, form.schema, destination.endpointType === "EventHub");`,
      replace: "const body = bodyOf(events, form.schema, false);",
      test: PUBLISH,
      name: "get what the service gives them",
    },
    {
      does: "gives Service Bus a new id with each attempt",
      file: "event-grid/push/destination.ts",
      find: "messageId: first.outputId,",
      replace: "messageId: first.outputId + attempt,",
      test: PUBLISH,
      name: "get what the service gives them",
    },
    {
      does: "has no delivery attributes",
      file: "event-grid/push/delivery-attributes.ts",
      find: "if (isHeaderValue(String(value)))",
      replace: "if (false)",
      test: PUBLISH,
      name: "get what the service gives them",
    },
    {
      does: "reaches nothing beside it",
      file: "event-grid/subscription.ts",
      find: "return to(entity);",
      replace: "return async () => undefined;",
      test: NEIGHBOURS,
      name: "reaches queues, topics, hubs and storage queues",
    },
  ]),
];
