import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { AttributeValue, RawCloudEvent } from "./cloud-event.ts";
import { newEventId } from "./event-id.ts";

/** What may be said of one event besides its data. */
export interface EventOptions {
  /** Decides the order; travels as `partitionkey`. Default: none, and then no order is promised for it. */
  readonly key?: string | undefined;
  /** Default: a new UUIDv7. Give the same id again when publishing the same event again. */
  readonly id?: string | undefined;
  readonly subject?: string | undefined;
  /** Default: now. */
  readonly time?: Date | string | undefined;
  /** Default: the bus's or the outbox's `source`. */
  readonly source?: string | undefined;
  /** Not to be delivered before. The bus refuses it where the broker cannot; the outbox always can. */
  readonly notBefore?: Date | undefined;
  /** Worthless after so many milliseconds; travels as `expirytime`. */
  readonly ttlMs?: number | undefined;
  /** Names are a-z and 0-9. */
  readonly extensions?: Readonly<Record<string, AttributeValue>> | undefined;
}

/** An event that has not been published yet. Made by calling an {@link EventDefinition}. */
export interface NewEvent<Type extends string = string, Input = unknown> extends EventOptions {
  readonly definition: EventDefinition<Type, Input, unknown>;
  readonly type: Type;
  readonly data: Input;
  readonly id: string;
  readonly time: string;
}

export interface EventDefinitionOptions {
  /** Default `application/json`. Other types need `Uint8Array` data or a registered serializer. */
  readonly datacontenttype?: string;
  /** URI of the schema; also how an `upcast` tells versions apart. */
  readonly dataschema?: string;
  /** Turns the data of an older version into today's input, before the schema parses it. Given the decoded event; must not change it. */
  readonly upcast?: (data: unknown, event: RawCloudEvent) => unknown;
}

/** A kind of event: its CloudEvents `type` and the schema of its data. Call it to make one. */
export interface EventDefinition<Type extends string = string, Input = unknown, Output = Input>
  extends EventDefinitionOptions {
  (data: Input, options?: EventOptions): NewEvent<Type, Input>;
  readonly type: Type;
  readonly schema: StandardSchemaV1<Input, Output> | undefined;
}

/**
 * Defines an event. `schema` is any Standard Schema (zod, valibot, arktype, …): publishing validates against it and sends the
 * schema's *input*; the consumer's schema parses that, so transforms run once.
 */
export function defineEvent<const Type extends string, Input, Output>(
  type: Type,
  schema: StandardSchemaV1<Input, Output>,
  options?: EventDefinitionOptions,
): EventDefinition<Type, Input, Output>;
/** An event whose data is not validated. */
export function defineEvent<const Type extends string>(
  type: Type,
  schema?: undefined,
  options?: EventDefinitionOptions,
): EventDefinition<Type, unknown, unknown>;
export function defineEvent(
  type: string,
  schema?: StandardSchemaV1,
  options: EventDefinitionOptions = {},
): EventDefinition<string, unknown, unknown> {
  // Member by member: a spread makes an object five times as large, and there is one for every event.
  const definition = ((data: unknown, given: EventOptions = NONE): NewEvent => ({
    definition,
    type,
    data,
    id: given.id ?? newEventId(),
    time: timeText(given.time),
    key: given.key,
    subject: given.subject,
    source: given.source,
    notBefore: given.notBefore,
    ttlMs: given.ttlMs,
    extensions: given.extensions,
  })) as EventDefinition<string, unknown, unknown>;
  return Object.assign(definition, { ...options, type, schema });
}

const NONE: EventOptions = {};

/** True for what an event definition makes; false for a raw CloudEvent. */
export function isNewEvent(event: object): event is NewEvent {
  return typeof (event as Partial<NewEvent>).definition === "function";
}

let lastMs = 0;
let lastText = "";

function timeText(time: Date | string | undefined): string {
  if (typeof time === "string") return time;
  // An invalid Date becomes an invalid text: publishing refuses it in its own words.
  if (time !== undefined) return Number.isNaN(time.getTime()) ? String(time) : time.toISOString();
  const now = Date.now();
  // Many events share a millisecond under load, and toISOString costs more than the rest of this file.
  if (now !== lastMs) {
    lastMs = now;
    lastText = new Date(now).toISOString();
  }
  return lastText;
}
