import { randomUUID } from "node:crypto";
import { configProblem, EventGridProblem } from "../problem.ts";
import type { EventAttributes } from "./accepted-event.ts";
import { checkEventGridEvent } from "./event-grid-event.ts";
import type { TopicOfEvent } from "./topic-of-event.ts";

interface SourceField {
  /** A member of the publisher's event. */
  readonly sourceField?: string | undefined;
}

interface SourceFieldOrDefault extends SourceField {
  /** Where there is no such member. */
  readonly defaultValue?: string | undefined;
}

/** ARM's `inputSchemaMapping`: where the fields of the Event Grid schema are found in an event of the publisher's own. */
export interface InputSchemaMapping {
  readonly inputSchemaMappingType?: "Json" | undefined;
  readonly properties: {
    /** Unmapped: the service makes one. */
    readonly id?: SourceField | undefined;
    /** Unmapped: the time of publishing. */
    readonly eventTime?: SourceField | undefined;
    /** Needed in a domain, where it names the domain topic. */
    readonly topic?: SourceField | undefined;
    readonly eventType: SourceFieldOrDefault;
    readonly subject: SourceFieldOrDefault;
    readonly dataVersion: SourceFieldOrDefault;
  };
}

/** Throws what the service would refuse when the topic is created. */
export function checkMapping(mapping: InputSchemaMapping | undefined): void {
  for (const name of ["eventType", "subject", "dataVersion"] as const) {
    const { sourceField, defaultValue } = mapping?.properties?.[name] ?? {};
    if (sourceField === undefined && defaultValue === undefined)
      throw configProblem(
        `A CustomEventSchema needs '${name}' in inputSchemaMapping: a sourceField or a defaultValue.`,
      );
  }
}

/** The publisher's event in the Event Grid schema, whose data it becomes. Throws a 400 when a field is missing that has no default. */
export function mapCustomEvent(
  value: unknown,
  at: string,
  mapping: InputSchemaMapping,
  topicOf: TopicOfEvent,
): EventAttributes {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new EventGridProblem(400, `The event${at} is no JSON object.`, "InputJsonInvalid");
  const event = value as Record<string, unknown>;
  const { id, eventTime, topic, eventType, subject, dataVersion } = mapping.properties;
  const field = ({ sourceField, defaultValue }: SourceFieldOrDefault = {}) =>
    (sourceField !== undefined && Object.hasOwn(event, sourceField) ? event[sourceField] : undefined) ?? defaultValue;
  const mapped = {
    id: id === undefined ? randomUUID() : field(id),
    eventTime: eventTime === undefined ? new Date().toISOString() : field(eventTime),
    topic: field(topic),
    eventType: field(eventType),
    subject: field(subject),
    dataVersion: field(dataVersion),
    data: value,
  };
  return checkEventGridEvent(mapped, at, topicOf);
}
