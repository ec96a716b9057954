import { EventGridProblem } from "../problem.ts";

/**
 * The resource id of the topic that an event is for, from what the event itself names: `topic` in the Event Grid schema, `source` of a CloudEvent. Throws a
 * 400 when it cannot be for a topic here. `at` says which event of the request it is.
 */
export type TopicOfEvent = (named: unknown, at: string) => string;

/** A custom topic's own events need not name it. */
export const onlyTopic =
  (topicId: string): TopicOfEvent =>
  (named, at) => {
    if (named === undefined || named === null || named === "" || named === topicId) return topicId;
    throw invalid(`The event${at} names another 'topic' than the one that it was sent to.`);
  };

/** A domain's events must: by the name of the domain topic, or by its whole id. */
export function topicOfDomain(domainId: string): TopicOfEvent {
  const start = `${domainId}/topics/`;
  return (named, at) => {
    const text = typeof named === "string" ? named : "";
    const name = text.toLowerCase().startsWith(start.toLowerCase()) ? text.slice(start.length) : text;
    if (/^[A-Za-z0-9-]{3,50}$/.test(name)) return start + name;
    throw invalid(
      `Required property 'topic' needs to either be a full resource id or should be just the name of the domain topic. Found: ${text.slice(0, 200)}${at}.`,
    );
  };
}

/** The last part of a resource id. */
export const nameOf = (resourceId: string): string => resourceId.slice(resourceId.lastIndexOf("/") + 1);

const invalid = (message: string) => new EventGridProblem(400, message, "InputJsonInvalid");
