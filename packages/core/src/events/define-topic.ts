import { checkLogicalName } from "../spi/naming.ts";
import type { CloudEvent } from "./cloud-event.ts";
import type { EventDefinition, NewEvent } from "./define-event.ts";

// biome-ignore lint/suspicious/noExplicitAny: a definition of any data; `unknown` would not accept contravariant inputs
export type AnyEventDefinition = EventDefinition<any, any, any>;

/** Where one publishes, and which events it carries. */
export interface TopicDefinition<Events extends readonly AnyEventDefinition[] = readonly AnyEventDefinition[]> {
  readonly name: string;
  readonly events: Events;
  /** By CloudEvents `type`. */
  readonly byType: ReadonlyMap<string, AnyEventDefinition>;
}

/** The event a handler of this definition gets: data is the schema's output. */
export type ReceivedEvent<Definition> =
  Definition extends EventDefinition<infer Type, infer _Input, infer Output> ? CloudEvent<Output, Type> : never;

/** The events of a topic as a discriminated union over `type`. */
export type EventOf<Topic> =
  Topic extends TopicDefinition<infer Events> ? { [I in keyof Events]: ReceivedEvent<Events[I]> }[number] : never;

/** What may be published to a topic. */
export type NewEventOf<Topic> =
  Topic extends TopicDefinition<infer Events>
    ? {
        [I in keyof Events]: Events[I] extends EventDefinition<infer Type, infer Input, infer _Output>
          ? NewEvent<Type, Input>
          : never;
      }[number]
    : never;

/** Defines a topic. The name is logical; the adapter maps it to a queue, topic or hub. */
export function defineTopic<const Events extends readonly AnyEventDefinition[]>(
  name: string,
  events: Events,
): TopicDefinition<Events> {
  checkLogicalName("topic", name);
  return { name, events, byType: new Map(events.map((event) => [event.type as string, event])) };
}
