import type { CloudEvent, RawCloudEvent } from "../events/cloud-event.ts";
import type { NewEvent } from "../events/define-event.ts";
import type { EventOf, NewEventOf, TopicDefinition } from "../events/define-topic.ts";
import type { PublishOptions } from "../publish/publisher.ts";
import type { Delivery } from "../spi/delivery.ts";

/** What a handler gets beside the event. */
export interface HandlerContext<Tx = undefined> {
  readonly topic: string;
  readonly subscription: string;
  /** From 1; counts tries of the handler, not the broker's deliveries. */
  readonly attempt: number;
  /** True when this event comes back from a dead-letter store. */
  readonly redriven: boolean;
  /** Aborts on handler timeout, when the lease is lost, and at the deadline of a drain. */
  readonly signal: AbortSignal;
  /** The broker's side of it: `delivery.raw` is the SDK's object. */
  readonly delivery: Delivery;
  /** The inbox's transaction: write through it, and the effect and the record of the event commit together. */
  readonly tx: Tx;
  /** Publishes an event caused by this one: `correlationid`, `causationid` and the trace context are set. */
  publish<Topic extends TopicDefinition>(
    topic: Topic,
    event: NewEventOf<Topic> | readonly NewEventOf<Topic>[],
    options?: PublishOptions,
  ): Promise<void>;
  /** The same marks on an event that is published another way: `outbox.publish(ctx.tx, topic, ctx.caused(event))`. */
  caused<E extends NewEvent>(event: E): E;
}

/** Returns: ack. Throws: the subscription's retry policy decides. */
export type Handler<Event = CloudEvent, Tx = undefined> = (
  event: Event,
  context: HandlerContext<Tx>,
) => void | Promise<void>;

/** Wraps every handler of a subscription or bus: `(next) => async (event, ctx) => { …; await next(event, ctx); … }`. First in the list is outermost. */
// biome-ignore lint/suspicious/noExplicitAny: middleware is written for any event and any transaction
export type ConsumeMiddleware = (next: Handler<any, any>) => Handler<any, any>;

export type EventFor<Topic> = Topic extends TopicDefinition ? EventOf<Topic> : RawCloudEvent;
