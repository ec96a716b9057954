import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { createBus, type RawCloudEvent } from "@waybill/core";
import { createSpy } from "@waybill/core/testing";
import { type EventGridOptions, eventGrid, type eventGridWebhook, type WebhookHandler } from "@waybill/event-grid";
import { onTestFinished } from "vitest";
import { open } from "./emulator-event-grid.fixture.ts";

export const SECRET = "correct horse battery";
export const HEADER = { header: { name: "X-Webhook-Secret", secrets: [SECRET] } };
export const KNOCK = { "x-webhook-secret": SECRET };
export const BATCH = { "content-type": "application/cloudevents-batch+json; charset=utf-8" };
export const ONE = { "content-type": "application/cloudevents+json; charset=utf-8" };

/** Closed when the test ends. */
export async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What answers for each event, recorded. */
export function recorder(answer: (event: string) => "ack" | "release" | "reject" | Promise<never> = () => "ack") {
  const came: { id: string; body: string; deliveryCount: number }[] = [];
  const take: Parameters<typeof eventGridWebhook>[0]["take"] = async ({ message, deliveryCount }) => {
    came.push({ id: message.id, body: Buffer.from(message.body ?? []).toString(), deliveryCount });
    return { kind: await answer(message.id) };
  };
  return { came, take };
}

export const post = (url: string, body: unknown, headers: object = {}): Promise<Response> =>
  fetch(url, {
    method: "POST",
    headers: { ...ONE, ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });

/** A subscription `orders/billing` on a custom topic, running on a bus and delivered to by webhook. */
export async function running(
  mounted: (handler: WebhookHandler) => Promise<string>,
  options: Partial<EventGridOptions> = {},
) {
  const emulator = await open({ topics: ["orders", { name: "legacy", inputSchema: "EventGridSchema" }] });
  const adapter = eventGrid({
    kind: "custom",
    key: emulator.key,
    topics: { orders: { endpoint: emulator.topicEndpoint("orders") } },
    webhook: { query: { name: "code", secrets: [SECRET] } },
    ...options,
  });
  const spy = createSpy();
  const bus = createBus({ source: "/shop", adapter, observers: [spy] });
  onTestFinished(() => bus.close());
  const origin = await mounted(adapter.webhook("orders", "billing"));
  const endpointUrl = `${origin}/events?code=${encodeURIComponent(SECRET)}`;
  const events: RawCloudEvent[] = [];
  const subscribe = () =>
    bus.subscribe("orders", { name: "billing" }, (event) => void events.push(event as RawCloudEvent));
  return { emulator, adapter, bus, spy, events, endpointUrl, subscribe };
}
