import { randomUUID } from "node:crypto";
import type { EventSubscriptionConfig, NamespaceSubscriptionConfig } from "./config.ts";
import { DeadLetters, type DeadLetterWriter, type KeptLetter } from "./dead-letters.ts";
import type { AcceptedEvent, DeliverySchema, InputSchema } from "./events/accepted-event.ts";
import { type EventFilter, matches } from "./filters/event-filter.ts";
import type { EventGridJournal } from "./journal.ts";
import { configProblem } from "./problem.ts";
import { type KeptPull, PullQueue } from "./pull/pull-queue.ts";
import {
  type AzureDestination,
  type AzureSend,
  azureDelivery,
  type Deliver,
  type Destination,
  isBatching,
  type NeighbourSends,
  webhookDelivery,
} from "./push/destination.ts";
import { type KeptPush, PushQueue } from "./push/push-queue.ts";
import { retryRules } from "./push/retry-rules.ts";
import type { WebhookCaller } from "./push/webhook-call.ts";
import { parseDuration, type Timing } from "./timing.ts";

export type ProvisioningState = "Succeeded" | "AwaitingManualAction";

/** A named interest in a topic, with what waits for it. Takes events only once its endpoint has agreed. */
export interface Subscription {
  readonly name: string;
  readonly schema: DeliverySchema;
  readonly destination: Destination | undefined;
  readonly queue: PushQueue | PullQueue;
  readonly deadLetters: DeadLetters;
  readonly validationCode: string;
  provisioningState: ProvisioningState;
  offer(events: readonly AcceptedEvent[]): void;
  /** Puts back what waited before a restart. To be called once it takes events. */
  resume(): void;
  /** What it keeps over a restart is removed. */
  forget(): void;
}

/** What subscriptions need from the emulator. */
export interface Surroundings {
  readonly timing: Timing;
  readonly caller: WebhookCaller;
  readonly destinations: Readonly<Record<string, AzureSend>>;
  readonly deadLetters: Readonly<Record<string, DeadLetterWriter>>;
  readonly neighbours: NeighbourSends | undefined;
  readonly journal: EventGridJournal;
}

const REASONS = {
  attempts: "MaxDeliveryAttemptsExceeded",
  expired: "TimeToLiveExceeded",
  final: "UndeliverableDueToClientError",
};
const NAMESPACE_REASONS = {
  attempts: "Maximum delivery attempts was exceeded.",
  expired: "Event time to live was exceeded.",
  final: "Undeliverable due to client error",
};

/** What each can be delivered as; the first is the default. */
const DELIVERY_SCHEMAS: Readonly<Record<InputSchema, readonly [DeliverySchema, ...DeliverySchema[]]>> = {
  CloudEventSchemaV1_0: ["CloudEventSchemaV1_0"],
  EventGridSchema: ["EventGridSchema", "CloudEventSchemaV1_0"],
  CustomEventSchema: ["EventGridSchema", "CloudEventSchemaV1_0", "CustomInputSchema"],
};

const MINUTE = 60_000;
const DEFAULT_BATCH_KILOBYTES = 64;

export function openSubscription(
  topic: string,
  config: EventSubscriptionConfig,
  inputSchema: InputSchema,
  around: Surroundings,
): Subscription {
  const shelves = shelvesOf(topic, config.name, around);
  const [usual, ...others] = DELIVERY_SCHEMAS[inputSchema];
  const schema = config.eventDeliverySchema ?? usual;
  if (schema !== usual && !others.includes(schema))
    throw configProblem(`What comes in as ${inputSchema} cannot be delivered as ${schema}.`);
  const deadLetters = new DeadLetters(
    config.name,
    schema,
    named(config.deadLetter, around.deadLetters),
    around.timing,
    shelves.letters,
  );
  const queue = openPush(config, config.destination, schema, deadLetters, around, shelves, {
    isNamespace: false,
    maxAttempts: config.retryPolicy?.maxDeliveryAttempts ?? 30,
    timeToLiveMs: (config.retryPolicy?.eventTimeToLiveInMinutes ?? 1440) * MINUTE,
  });
  return assemble(config.name, schema, config.destination, queue, deadLetters, shelves, config.filter);
}

export function openNamespaceSubscription(
  topic: string,
  config: NamespaceSubscriptionConfig,
  around: Surroundings,
): Subscription {
  const shelves = shelvesOf(topic, config.name, around);
  const schema = "CloudEventSchemaV1_0";
  const writer = named(config.deadLetter, around.deadLetters);
  const deadLetters = new DeadLetters(config.name, "namespace", writer, around.timing, shelves.letters);
  const maxAttempts = config.maxDeliveryCount ?? 10;
  const timeToLiveMs = parseDuration(config.eventTimeToLive ?? "P7D")!;
  const lockMs = (config.receiveLockDurationInSeconds ?? 60) * 1000;
  const queue =
    config.destination === undefined
      ? new PullQueue({ lockMs, maxDeliveries: maxAttempts, timeToLiveMs }, deadLetters, around.timing, shelves.events)
      : openPush(config, config.destination, schema, deadLetters, around, shelves, {
          isNamespace: true,
          maxAttempts,
          timeToLiveMs,
        });
  return assemble(config.name, schema, config.destination, queue, deadLetters, shelves, config.filter);
}

type Shelves = ReturnType<typeof shelvesOf>;

const shelvesOf = (topic: string, subscription: string, { journal }: Surroundings) => ({
  events: journal.shelf<KeptPull & KeptPush>(topic, subscription, "event"),
  letters: journal.shelf<KeptLetter>(topic, subscription, "dead-letter"),
});

function assemble(
  name: string,
  schema: DeliverySchema,
  destination: Destination | undefined,
  queue: PushQueue | PullQueue,
  deadLetters: DeadLetters,
  shelves: Shelves,
  filter: EventFilter | undefined,
): Subscription {
  return {
    name,
    schema,
    destination,
    queue,
    deadLetters,
    validationCode: randomUUID().toUpperCase(),
    provisioningState: "Succeeded",
    offer(events) {
      if (this.provisioningState !== "Succeeded") return;
      const wanted = filter === undefined ? events : events.filter((event) => matches(filter, event));
      if (wanted.length > 0) queue.offer(wanted);
    },
    resume() {
      deadLetters.resume();
      queue.resume();
    },
    forget() {
      shelves.events.clear();
      shelves.letters.clear();
    },
  };
}

function openPush(
  { name }: { readonly name: string },
  destination: Destination,
  schema: DeliverySchema,
  deadLetters: DeadLetters,
  around: Surroundings,
  shelves: Shelves,
  policy: { readonly isNamespace: boolean; readonly maxAttempts: number; readonly timeToLiveMs: number },
): PushQueue {
  const isWebHook = destination.endpointType === "WebHook";
  const isBatched = isWebHook ? isBatching(destination) : destination.endpointType === "EventHub";
  const deliver: Deliver = isWebHook
    ? webhookDelivery(destination, { subscription: name, schema }, around.caller)
    : azureDelivery(destination, sendOf(destination, around), { subscription: name, schema });
  const kilobytes = (isWebHook ? destination.preferredBatchSizeInKilobytes : undefined) ?? DEFAULT_BATCH_KILOBYTES;
  return new PushQueue(
    {
      rules: retryRules(isWebHook ? "webhook" : "azure", policy.isNamespace),
      maxAttempts: policy.maxAttempts,
      timeToLiveMs: policy.timeToLiveMs,
      maxEventsPerBatch: isBatched ? ((isWebHook ? destination.maxEventsPerBatch : undefined) ?? 5000) : 1,
      maxBatchBytes: kilobytes * 1024,
      reasons: policy.isNamespace ? NAMESPACE_REASONS : REASONS,
    },
    deliver,
    deadLetters,
    around.timing,
    shelves.events,
  );
}

function sendOf({ endpointType, send, entity }: AzureDestination, around: Surroundings): AzureSend {
  if (send !== undefined) return named(send, around.destinations)!;
  if (entity === undefined) throw configProblem(`A destination of the type ${endpointType} needs 'entity' or 'send'.`);
  const to = around.neighbours?.[endpointType];
  if (to === undefined)
    throw configProblem(
      `The destination '${entity}' needs an emulator beside this one: start both with startEmulators.`,
    );
  return to(entity);
}

function named<T extends (...args: never[]) => unknown>(
  given: T | string | undefined,
  table: Readonly<Record<string, T>>,
): T | undefined {
  if (typeof given !== "string") return given;
  const found = Object.hasOwn(table, given) ? table[given] : undefined;
  if (found === undefined) throw configProblem(`There is no function named '${given}' among the emulator's options.`);
  return found;
}
