import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type ClaimCheck, ClaimLost, isClaimed } from "../claim-check/claim-check.ts";
import type { Clock } from "../clock.ts";
import type { Codec, Decoded } from "../codec/codec.ts";
import { coreErrors } from "../errors/core-errors.ts";
import type { RawCloudEvent } from "../events/cloud-event.ts";
import type { AnyEventDefinition, TopicDefinition } from "../events/define-topic.ts";
import { schemaProblems } from "../events/schema-problems.ts";
import type { WireMessage } from "../spi/wire-message.ts";
import type { DeliveryContext } from "./context.ts";
import { Busy, GiveUp } from "./give-up.ts";
import type { ConsumeMiddleware, Handler } from "./handler.ts";
import type { Inbox } from "./inbox.ts";

export interface PipelineOptions {
  readonly codec: Codec;
  readonly clock: Clock;
  readonly claims: ClaimCheck | undefined;
  readonly topic: string;
  readonly subscription: string;
  /** Absent for a raw subscription: every event is handed on unparsed. */
  readonly definition: TopicDefinition | undefined;
  readonly unknown: "ignore" | "dead-letter";
  readonly inbox: Inbox<unknown> | undefined;
  readonly middleware: readonly ConsumeMiddleware[];
  // biome-ignore lint/suspicious/noExplicitAny: the typed door is `Bus.subscribe`
  readonly handler: Handler<any, any>;
}

/** How one try ended well. */
export type Handled = "processed" | "duplicate" | "ignored";

/** What happens to one message between receipt and settlement: decode, know the type, parse, inbox, middleware, handler. */
export class Pipeline {
  readonly #options: PipelineOptions;
  // biome-ignore lint/suspicious/noExplicitAny: see PipelineOptions.handler
  readonly #handle: Handler<any, any>;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#handle = options.middleware.reduceRight((next, wrap) => wrap(next), options.handler);
  }

  /**
   * Resolving to nothing means processed: a handler's own promise is handed on as it is, for one more on the path of every event shows. Rejects or throws with
   * {@link GiveUp}, {@link Busy}, or whatever the handler threw. `event` is this try's own: it is changed.
   */
  run(event: RawCloudEvent, context: DeliveryContext): Handled | Promise<Handled | undefined> {
    context.event = event;
    const { definition, unknown, topic, clock } = this.#options;
    const expiry = event.expirytime;
    if (typeof expiry === "string" && Date.parse(expiry) <= clock.now()) {
      throw new GiveUp("expired", new Error(`The event expired at ${expiry}.`));
    }
    if (definition === undefined) return this.#whole(event, context, undefined);
    const kind = definition.byType.get(event.type);
    if (kind === undefined) {
      if (unknown === "ignore") return "ignored";
      throw new GiveUp("unknown-type", coreErrors.WB_EVENT_TYPE_UNKNOWN({ type: event.type, topic }));
    }
    return this.#whole(event, context, kind);
  }

  /** Throws {@link GiveUp} for what is no event. */
  decode(message: WireMessage): Decoded {
    try {
      return this.#options.codec.decode(message);
    } catch (error) {
      throw new GiveUp("undecodable", error);
    }
  }

  /** With its data back, where a claim check holds it. Who subscribes by name alone and has no claim check gets the event with its reference. */
  #whole(
    event: RawCloudEvent,
    context: DeliveryContext,
    kind: AnyEventDefinition | undefined,
  ): Handled | Promise<Handled | undefined> {
    if (!isClaimed(event)) return this.#parse(event, context, kind);
    const { claims } = this.#options;
    if (kind === undefined && claims?.owns(event) !== true) return this.#parse(event, context, kind);
    if (claims === undefined) {
      throw new GiveUp("claim-check", coreErrors.WB_CLAIM_CHECK_UNCONFIGURED({ id: event.id }));
    }
    return claims.checkOut(event, context.signal).then(
      (whole) => {
        // Its time was up, or its lease is gone: nobody waits for the answer, and the handler must not begin.
        context.signal.throwIfAborted();
        return this.#parse(whole, context, kind);
      },
      (error) => {
        throw error instanceof ClaimLost ? new GiveUp("claim-check", error.error) : error;
      },
    );
  }

  #parse(
    event: RawCloudEvent,
    context: DeliveryContext,
    kind: AnyEventDefinition | undefined,
  ): Handled | Promise<Handled | undefined> {
    if (kind === undefined) return this.#deliver(event, context);
    const parsed = parse(kind, event);
    return parsed instanceof Promise
      ? parsed.then((typed) => this.#deliver(typed, context))
      : this.#deliver(parsed, context);
  }

  #deliver(event: RawCloudEvent, context: DeliveryContext): "processed" | Promise<Handled | undefined> {
    context.event = event;
    const { inbox, topic, subscription } = this.#options;
    if (inbox === undefined) {
      const result = this.#handle(event, context);
      return isThenable(result) ? result : "processed";
    }
    const key = { topic, subscription, source: event.source, id: event.id };
    return inbox
      .process(
        key,
        async (tx) => {
          context.tx = tx;
          await this.#handle(event, context);
        },
        context.signal,
      )
      .then((result) => {
        if (result === "busy") throw new Busy();
        return result;
      });
  }
}

function isThenable(value: unknown): value is Promise<undefined> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

/** The event with its data as the schema gives it. The decoded event is ours alone, so it is changed in place. */
function parse(kind: AnyEventDefinition, event: RawCloudEvent): RawCloudEvent | Promise<RawCloudEvent> {
  const typed = event as { -readonly [K in keyof RawCloudEvent]: RawCloudEvent[K] };
  try {
    if (kind.upcast !== undefined) typed.data = kind.upcast(event.data, event);
    if (kind.schema === undefined) return event;
    const result = kind.schema["~standard"].validate(typed.data);
    return result instanceof Promise ? result.then((late) => accept(typed, late), invalid) : accept(typed, result);
  } catch (error) {
    return invalid(error);
  }
}

function accept(event: { data?: unknown } & RawCloudEvent, result: StandardSchemaV1.Result<unknown>): RawCloudEvent {
  if (result.issues !== undefined) {
    const problems = schemaProblems(result.issues);
    throw new GiveUp("invalid", coreErrors.WB_EVENT_INVALID({ type: event.type, id: event.id, problems }));
  }
  event.data = result.value;
  return event;
}

function invalid(error: unknown): never {
  if (error instanceof GiveUp) throw error;
  throw new GiveUp("invalid", error);
}
