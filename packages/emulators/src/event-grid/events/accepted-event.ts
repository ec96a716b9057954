import { randomUUID } from "node:crypto";
import { EventGridProblem } from "../problem.ts";

/** In which an event is kept; the names are ARM's. */
export type EventSchema = "CloudEventSchemaV1_0" | "EventGridSchema";
/** ARM's `inputSchema`: what publishers send. An event in a schema of their own is kept in the Event Grid schema, and is its `data`. */
export type InputSchema = EventSchema | "CustomEventSchema";
/** ARM's `eventDeliverySchema`. */
export type DeliverySchema = EventSchema | "CustomInputSchema";

export type EventAttributes = Readonly<Record<string, unknown>>;

/** An event that a topic has taken. */
export interface AcceptedEvent {
  /** Event Grid's own id of it, the same in every delivery: `aeg-output-event-id`. */
  readonly outputId: string;
  readonly schema: EventSchema;
  readonly attributes: EventAttributes;
  /** `attributes`, written. */
  readonly json: string;
  /** Milliseconds since 1970. */
  readonly publishedAt: number;
}

export function acceptEvent(schema: EventSchema, attributes: EventAttributes, publishedAt: number): AcceptedEvent {
  try {
    return { outputId: randomUUID(), schema, attributes, json: JSON.stringify(attributes), publishedAt };
  } catch (error) {
    if (error instanceof RangeError) throw new EventGridProblem(400, "The event is nested too deeply.");
    throw error;
  }
}

/** Written in the schema that a subscription asked for. Event Grid events become CloudEvents; the other way does not exist. */
export function writeEvent(event: AcceptedEvent, schema: DeliverySchema): string {
  return schema === event.schema ? event.json : JSON.stringify(attributesIn(event, schema));
}

export function attributesIn(event: AcceptedEvent, schema: DeliverySchema): EventAttributes {
  if (schema === event.schema) return event.attributes;
  const { id, topic, subject, eventType, eventTime, data } = event.attributes;
  if (schema === "CustomInputSchema") return data as EventAttributes;
  return { specversion: "1.0", id, source: topic, subject, type: eventType, time: eventTime, data };
}
