import { EventGridProblem } from "../problem.ts";
import type { EventAttributes } from "./accepted-event.ts";
import type { TopicOfEvent } from "./topic-of-event.ts";

const REQUIRED = ["id", "subject", "eventType", "eventTime"] as const;

/** Throws a 400 when this is no event in the Event Grid schema; else the event as it is delivered, with the topic's resource id. */
export function checkEventGridEvent(value: unknown, at: string, topicOf: TopicOfEvent): EventAttributes {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid(at, "is no JSON object");
  const event = value as Record<string, unknown>;
  for (const name of REQUIRED) {
    // A subject may be empty.
    if (typeof event[name] !== "string" || (event[name] === "" && name !== "subject"))
      throw invalid(at, `has no '${name}'. This resource is configured for 'EventGridEvent' and requires '${name}'`);
  }
  if (Number.isNaN(Date.parse(event.eventTime as string))) throw invalid(at, "has an 'eventTime' that is no time");
  const { topic, dataVersion, metadataVersion } = event;
  if (dataVersion !== undefined && dataVersion !== null && typeof dataVersion !== "string")
    throw invalid(at, "has a 'dataVersion' that is no string");
  if (metadataVersion !== undefined && metadataVersion !== null && metadataVersion !== "1")
    throw invalid(at, "has another 'metadataVersion' than '1'");
  return { ...event, topic: topicOf(topic, at), dataVersion: dataVersion ?? "", metadataVersion: "1" };
}

const invalid = (at: string, what: string) => new EventGridProblem(400, `The event${at} ${what}.`, "InputJsonInvalid");
