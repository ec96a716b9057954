import type { WebhookHandler } from "@waybill/event-grid";
import express from "express";
import fastify from "fastify";
import { describe, expect, it, onTestFinished } from "vitest";
import { cloudEvent, eventually } from "./emulator-event-grid.fixture.ts";
import { running, serve } from "./webhook-server.fixture.ts";

/** How a user mounts it; each answers the address that it listens at. */
const MOUNTS: Readonly<Record<string, (handler: WebhookHandler) => Promise<string>>> = {
  http: (handler) => serve(handler),
  Express: (handler) => {
    const app = express();
    app.all("/events", handler);
    return serve(app);
  },
  "Express behind express.json()": (handler) => {
    const app = express();
    app.use(
      express.json({
        type: ["application/json", "application/cloudevents+json", "application/cloudevents-batch+json"],
      }),
    );
    app.all("/events", handler);
    return serve(app);
  },
  Fastify: async (handler) => {
    const app = fastify();
    app.register(async (scope) => {
      // The handler reads the request itself.
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
      scope.route({
        method: ["POST", "OPTIONS"],
        url: "/events",
        handler: async (request, reply) => {
          reply.hijack();
          await handler(request.raw, reply.raw);
        },
      });
    });
    onTestFinished(() => app.close());
    return await app.listen({ port: 0, host: "127.0.0.1" });
  },
  /** `app.http("events", { methods: ["POST", "OPTIONS"], handler: (request) => handler.web(request) })`, played by a server that makes Requests. */
  "Azure Functions": (handler) =>
    serve(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const init = { method: request.method ?? "", headers: request.headers as Record<string, string> };
      const body = request.method === "POST" ? { body: Buffer.concat(chunks) } : {};
      const {
        status,
        headers,
        body: text,
      } = await handler.web(new Request(`http://host${request.url}`, { ...init, ...body }));
      response.writeHead(status, headers).end(text);
    }),
};

describe("mounted in", () => {
  for (const [name, mounted] of Object.entries(MOUNTS)) {
    it(`${name}: agrees to both handshakes, and events of both schemas are handled before they are answered`, async () => {
      const { emulator, bus, events, endpointUrl, subscribe, spy } = await running(mounted);
      await subscribe();
      for (const topic of ["orders", "legacy"]) {
        const destination = { endpointType: "WebHook", endpointUrl } as const;
        const { provisioningState } = await emulator.control.createSubscription(topic, {
          name: "billing",
          destination,
        });
        expect(provisioningState).toBe("Succeeded");
      }
      const sent = { ...cloudEvent("1", { data: [1, { a: "ü" }], count: 7, flag: true, traceparent: "00-1" }) };
      expect(await bus.publishRaw("orders", sent as never)).toMatchObject({ ok: true });
      const legacy = {
        id: "2",
        subject: "o-2",
        eventType: "order.placed",
        eventTime: "2026-11-26T00:00:00Z",
        data: { id: "2" },
        dataVersion: "3",
      };
      const headers = { "aeg-sas-key": emulator.key, "content-type": "application/json" };
      await fetch(emulator.topicEndpoint("legacy"), { method: "POST", headers, body: JSON.stringify([legacy]) });
      await eventually(() => spy.count("processed") === 2);
      await eventually(() =>
        ["orders", "legacy"].every((topic) => emulator.control.state(topic, "billing").delivered === 1),
      );
      expect(events.find(({ id }) => id === "1")).toEqual(sent);
      expect(events.find(({ id }) => id === "2")).toMatchObject({
        type: "order.placed",
        subject: "o-2",
        time: "2026-11-26T00:00:00Z",
        dataversion: "3",
        data: { id: "2" },
        source: expect.stringContaining("legacy"),
      });
    });
  }
});
