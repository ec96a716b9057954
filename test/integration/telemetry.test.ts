import { context, metrics, propagation, SpanKind, trace } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { createBus, defineEvent, defineTopic, telemetry } from "@waybill/core";
import { createSpy } from "@waybill/core/testing";
import { memory } from "@waybill/memory";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";

const placed = defineEvent<"com.example.placed">("com.example.placed");
const orders = defineTopic("orders", [placed]);

const spans = new InMemorySpanExporter();
const measured = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter: measured, exportIntervalMillis: 3_600_000 });

beforeAll(() => {
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }));
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
  // The W3C format, written out: the propagator's package is one more dependency for these two lines.
  propagation.setGlobalPropagator({
    fields: () => ["traceparent"],
    inject: (from, carrier) => {
      const span = trace.getSpanContext(from);
      if (span !== undefined) (carrier as Record<string, string>).traceparent = `00-${span.traceId}-${span.spanId}-01`;
    },
    extract: (into, carrier) => {
      const [, traceId, spanId] = String((carrier as { traceparent?: string }).traceparent ?? "").split("-");
      if (traceId === undefined || spanId === undefined) return into;
      return trace.setSpanContext(into, { traceId, spanId, traceFlags: 1, isRemote: true });
    },
  });
});
beforeEach(() => spans.reset());
afterAll(async () => {
  await reader.shutdown();
  for (const api of [trace, metrics, propagation, context]) api.disable();
});

/** What is sent may be handled before the answer to the sender has come: spans end in either order. */
const finished = (name: string) => spans.getFinishedSpans().find((span) => span.name === name)!;

function open(handler: () => void) {
  const { publish, consume } = telemetry({ system: "memory" });
  const spy = createSpy();
  const bus = createBus({
    source: "/shop",
    adapter: memory(),
    publishMiddleware: [publish],
    consumeMiddleware: [consume],
    observers: [spy],
  });
  const subscribed = bus.subscribe(orders, { name: "billing", retry: { attempts: 1 } }, handler);
  return { bus, spy, subscribed };
}

it("makes spans by the messaging conventions, and the handler's belongs to the publisher's trace", async () => {
  const { bus, spy, subscribed } = open(() => undefined);
  await subscribed;
  await bus.publish(orders, placed({ n: 1 }, { id: "e-1", key: "k" }));
  await spy.waitFor("processed", "e-1");
  await bus.close();
  const send = finished("send orders");
  const process = finished("process orders");
  expect(send).toMatchObject({ name: "send orders", kind: SpanKind.PRODUCER });
  expect(send.attributes).toMatchObject({
    "messaging.system": "memory",
    "messaging.destination.name": "orders",
    "messaging.operation.name": "send",
    "messaging.operation.type": "send",
    "messaging.message.id": "e-1",
  });
  expect(process).toMatchObject({ name: "process orders", kind: SpanKind.CONSUMER });
  expect(process.attributes).toMatchObject({
    "messaging.consumer.group.name": "billing",
    "messaging.message.id": "e-1",
    "cloudevents.event_type": placed.type,
  });
  expect(process.spanContext().traceId).toBe(send.spanContext().traceId);
  expect(process.parentSpanContext?.spanId).toBe(send.spanContext().spanId);
});

it("never overwrites the trace context that an event brings", async () => {
  const { bus, spy, subscribed } = open(() => undefined);
  await subscribed;
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  await bus.publish(orders, placed({}, { id: "e-2", extensions: { traceparent } }));
  await spy.waitFor("processed", "e-2");
  await bus.close();
  const process = finished("process orders");
  expect(process.spanContext().traceId).toBe("0af7651916cd43dd8448eb211c80319c");
});

it("records failures and metrics under the conventions' names", async () => {
  const { bus, spy, subscribed } = open(() => {
    throw new TypeError("broken");
  });
  await subscribed;
  await bus.publish(orders, placed({}, { id: "e-3" }));
  await spy.waitFor("deadLettered", "e-3");
  await bus.close();
  expect(finished("process orders").attributes["error.type"]).toBe("TypeError");
  await reader.forceFlush();
  const names = measured
    .getMetrics()
    .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics.map((one) => one.descriptor.name)));
  expect(new Set(names)).toEqual(
    new Set([
      "messaging.client.sent.messages",
      "messaging.client.consumed.messages",
      "messaging.client.operation.duration",
      "messaging.process.duration",
    ]),
  );
});
