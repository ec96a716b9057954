import type { CloudEvent, RawCloudEvent } from "../events/cloud-event.ts";
import type { NewEvent } from "../events/define-event.ts";
import type { NewEventOf, TopicDefinition } from "../events/define-topic.ts";
import type { PublishOptions } from "../publish/publisher.ts";
import type { Delivery } from "../spi/delivery.ts";
import type { HandlerContext } from "./handler.ts";

/** The typed publish of a bus, as a handler's context needs it. */
export type Publish = <Topic extends TopicDefinition>(
  topic: Topic,
  event: NewEventOf<Topic> | readonly NewEventOf<Topic>[],
  options?: PublishOptions,
) => Promise<void>;

/** What one try of one event needs to know of its subscription. */
export interface ContextScope {
  readonly topic: string;
  readonly subscription: string;
  readonly publish: Publish;
}

/** A handler's context. Its signal is made only when a handler asks for it, for most do not and it costs more than the rest of the delivery. */
export class DeliveryContext implements HandlerContext<unknown> {
  readonly attempt: number;
  readonly redriven: boolean;
  readonly delivery: Delivery;
  tx: unknown;
  event: CloudEvent | RawCloudEvent | undefined;
  readonly #scope: ContextScope;
  #controller: AbortController | undefined;
  #aborted: { reason: unknown } | undefined;
  #onLost: (() => void) | undefined;

  constructor(scope: ContextScope, delivery: Delivery, attempt: number, redriven: boolean) {
    this.#scope = scope;
    this.delivery = delivery;
    this.attempt = attempt;
    this.redriven = redriven;
  }

  get topic(): string {
    return this.#scope.topic;
  }

  get subscription(): string {
    return this.#scope.subscription;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      this.#controller = controller;
      const { lost } = this.delivery;
      if (this.#aborted !== undefined) controller.abort(this.#aborted.reason);
      else if (lost.aborted) controller.abort(lost.reason);
      else {
        this.#onLost = () => controller.abort(lost.reason);
        lost.addEventListener("abort", this.#onLost, { once: true });
      }
    }
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#aborted ??= { reason };
    this.#controller?.abort(reason);
  }

  /** The try is over: nothing may keep listening to a lane's signal. */
  end(): void {
    if (this.#onLost !== undefined) this.delivery.lost.removeEventListener("abort", this.#onLost);
  }

  async publish<Topic extends TopicDefinition>(
    topic: Topic,
    event: NewEventOf<Topic> | readonly NewEventOf<Topic>[],
    options: PublishOptions = {},
  ): Promise<void> {
    const list = Array.isArray(event) ? event : [event];
    await this.#scope.publish(
      topic,
      list.map((one) => this.caused(one)),
      options,
    );
  }

  caused<E extends NewEvent>(event: E): E {
    const parent = this.event;
    if (parent === undefined) return event;
    const marks: Record<string, string> = {
      correlationid: parent.correlationid ?? parent.id,
      causationid: parent.id,
    };
    if (parent.traceparent !== undefined) marks.traceparent = parent.traceparent;
    if (parent.tracestate !== undefined) marks.tracestate = parent.tracestate;
    return { ...event, extensions: { ...marks, ...event.extensions } };
  }
}
