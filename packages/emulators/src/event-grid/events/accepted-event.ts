import { randomUUID } from "node:crypto";
import { EventGridProblem } from "../problem.ts";

/** The names of ARM's `inputSchema` and `eventDeliverySchema`. */
export type EventSchema = "CloudEventSchemaV1_0" | "EventGridSchema";

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
export function writeEvent(event: AcceptedEvent, schema: EventSchema): string {
  return schema === event.schema ? event.json : JSON.stringify(attributesIn(event, schema));
}

export function attributesIn(event: AcceptedEvent, schema: EventSchema): EventAttributes {
  if (schema === event.schema) return event.attributes;
  const { id, topic, subject, eventType, eventTime, data } = event.attributes;
  return { specversion: "1.0", id, source: topic, subject, type: eventType, time: eventTime, data };
}
