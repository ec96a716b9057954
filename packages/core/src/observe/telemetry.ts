import {
  type Attributes,
  type Context,
  context,
  type Meter,
  metrics,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import type { ConsumeMiddleware } from "../consume/handler.ts";
import type { Outgoing, PublishMiddleware } from "../publish/bus-publisher.ts";

export interface TelemetryOptions {
  /** `messaging.system` of the broker: `kafka`, `servicebus`, `eventhubs`, `eventgrid`, … */
  readonly system: string;
  /** Default true. False where the broker SDK's own instrumentation is registered and its spans are wanted instead. */
  readonly spans?: boolean;
}

/** Bucket boundaries that OpenTelemetry's messaging conventions advise, in seconds. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/**
 * Spans and metrics by OpenTelemetry's messaging conventions (names as of semantic conventions 1.44, status Development). Publishing makes a `send` span and puts the trace context
 * into each event that has none; handling makes a `process` span whose parent is the event's context. Without a registered OpenTelemetry SDK all of it is a no-op, at some cost per
 * event: leave it out then.
 */
export function telemetry(options: TelemetryOptions): { publish: PublishMiddleware; consume: ConsumeMiddleware } {
  const tracer = trace.getTracer("@waybill/core");
  const instruments = createInstruments(metrics.getMeter("@waybill/core"));
  const { system, spans = true } = options;

  const publish: PublishMiddleware = (next) => async (topic, events, given) => {
    const attributes = {
      ...destination(system, topic),
      "messaging.operation.name": "send",
      "messaging.operation.type": "send",
    };
    const span = spans
      ? tracer.startSpan(`send ${topic}`, { kind: SpanKind.PRODUCER, attributes: countOf(attributes, events) })
      : undefined;
    const started = performance.now();
    let error: unknown;
    try {
      const active = span === undefined ? context.active() : trace.setSpan(context.active(), span);
      const outcomes = await context.with(active, () =>
        next(
          topic,
          events.map((one) => withTrace(one, active)),
          given,
        ),
      );
      error = (outcomes.find((one) => !one.ok) as { error?: unknown } | undefined)?.error;
      instruments.sent.add(outcomes.filter((one) => one.ok).length, attributes);
      return outcomes;
    } catch (thrown) {
      error = thrown ?? new Error("Nothing was thrown.");
      throw thrown;
    } finally {
      finish(span, error);
      instruments.operation.record((performance.now() - started) / 1_000, withError(attributes, error));
    }
  };

  const consume: ConsumeMiddleware = (next) => async (event, handling) => {
    const attributes: Attributes = {
      ...destination(system, handling.topic),
      "messaging.operation.name": "process",
      "messaging.operation.type": "process",
      "messaging.consumer.group.name": handling.subscription,
    };
    const parent = propagation.extract(context.active(), event);
    const span = spans
      ? tracer.startSpan(
          `process ${handling.topic}`,
          {
            kind: SpanKind.CONSUMER,
            attributes: { ...attributes, "messaging.message.id": event.id, "cloudevents.event_type": event.type },
          },
          parent,
        )
      : undefined;
    const started = performance.now();
    instruments.consumed.add(1, attributes);
    let error: unknown;
    try {
      await context.with(span === undefined ? parent : trace.setSpan(parent, span), () => next(event, handling));
    } catch (thrown) {
      error = thrown ?? new Error("Nothing was thrown.");
      throw thrown;
    } finally {
      finish(span, error);
      instruments.process.record((performance.now() - started) / 1_000, withError(attributes, error));
    }
  };

  return { publish, consume };
}

function createInstruments(meter: Meter) {
  const advice = { explicitBucketBoundaries: BUCKETS };
  return {
    sent: meter.createCounter("messaging.client.sent.messages", { unit: "{message}" }),
    consumed: meter.createCounter("messaging.client.consumed.messages", { unit: "{message}" }),
    operation: meter.createHistogram("messaging.client.operation.duration", { unit: "s", advice }),
    process: meter.createHistogram("messaging.process.duration", { unit: "s", advice }),
  };
}

function destination(system: string, topic: string): Attributes {
  return { "messaging.system": system, "messaging.destination.name": topic };
}

function countOf(attributes: Attributes, events: readonly Outgoing[]): Attributes {
  return events.length === 1
    ? { ...attributes, "messaging.message.id": events[0]!.event.id }
    : { ...attributes, "messaging.batch.message_count": events.length };
}

/** The trace in which the event was made travels with it; one that it already has is never overwritten. */
function withTrace(outgoing: Outgoing, active: Context): Outgoing {
  if (outgoing.event.traceparent !== undefined) return outgoing;
  const carrier: Record<string, string> = {};
  propagation.inject(active, carrier);
  const { traceparent, tracestate } = carrier;
  if (traceparent === undefined) return outgoing;
  return { ...outgoing, event: { ...outgoing.event, traceparent, ...(tracestate ? { tracestate } : {}) } };
}

function withError(attributes: Attributes, error: unknown): Attributes {
  return error === undefined ? attributes : { ...attributes, "error.type": errorType(error) };
}

function errorType(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  return typeof code === "string" ? code : typeof name === "string" ? name : "_OTHER";
}

function finish(span: Span | undefined, error: unknown): void {
  if (span === undefined) return;
  if (error !== undefined) {
    span.setAttribute("error.type", errorType(error));
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}
