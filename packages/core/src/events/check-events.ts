import { coreErrors } from "../errors/core-errors.ts";
import { isNewEvent, type NewEvent } from "./define-event.ts";
import type { TopicDefinition } from "./define-topic.ts";

/** Callers without a type checker, and events of another topic: refused before anything is sent or written. */
export function checkEvents(topic: TopicDefinition, events: readonly NewEvent[]): void {
  if (typeof topic !== "object" || topic === null || !(topic.byType instanceof Map)) {
    throw coreErrors.WB_OPTION_INVALID({
      option: "topic",
      problem: "must be made by defineTopic; by name, use publishRaw",
    });
  }
  for (const event of events) {
    if (typeof event !== "object" || event === null || !isNewEvent(event)) {
      throw coreErrors.WB_OPTION_INVALID({
        option: "event",
        problem: "must be made by calling an event definition; a complete CloudEvent goes to publishRaw",
      });
    }
    if (!topic.byType.has(event.type)) throw coreErrors.WB_EVENT_TYPE_UNKNOWN({ type: event.type, topic: topic.name });
  }
}
