import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { eventGridWebhook } from "@waybill/event-grid";
import { describe, expect, it } from "vitest";
import { cloudEvent, eventually } from "./emulator-event-grid.fixture.ts";
import { HEADER, KNOCK, ONE, post, recorder, SECRET, serve } from "./webhook-server.fixture.ts";

describe("hostile requests", () => {
  async function target(options: object = {}) {
    const { came, take } = recorder();
    const url = await serve(eventGridWebhook({ ...HEADER, ...options, take }));
    return { came, url };
  }

  it("the handshake consents to known origins only, and calls nobody back", async () => {
    let calls = 0;
    const trap = await serve((_request, response) => {
      calls++;
      response.end();
    });
    const { url } = await target({ ratePerMinute: 600 });
    const ask = (headers: Record<string, string>) => fetch(url, { method: "OPTIONS", headers });
    const good = await ask({ "webhook-request-origin": "eventgrid.azure.net", "webhook-request-callback": trap });
    expect(Object.fromEntries(good.headers)).toMatchObject({
      "webhook-allowed-origin": "eventgrid.azure.net",
      "webhook-allowed-rate": "600",
      allow: "POST, OPTIONS",
    });
    const evil = await ask({ "webhook-request-origin": "evil.example", "webhook-request-callback": trap });
    expect(evil.headers.get("webhook-allowed-origin")).toBeNull();
    const validation = [
      {
        eventType: "Microsoft.EventGrid.SubscriptionValidationEvent",
        data: { validationCode: "c-1", validationUrl: trap },
      },
    ];
    const answer = await post(url, validation, {
      "content-type": "application/json",
      "aeg-event-type": "SubscriptionValidation",
    });
    expect(await answer.json()).toEqual({ validationResponse: "c-1" });
    expect(calls).toBe(0);
  });

  it("an event that looks like a handshake and is none is an event", async () => {
    const { url, came } = await target();
    const fake = {
      id: "f",
      eventType: "Microsoft.EventGrid.SubscriptionValidationEvent",
      subject: "",
      eventTime: "2026-01-01T00:00:00Z",
      data: { validationCode: "x" },
    };
    const answer = await post(url, [fake], {
      ...KNOCK,
      "content-type": "application/json",
      "aeg-event-type": "Notification",
    });
    expect(answer.status).toBe(204);
    expect(came.map(({ id }) => id)).toEqual(["f"]);
  });

  it("a body that is too large is refused unread, however it is declared", async () => {
    const { url, came } = await target({ maxBodyBytes: 10_000 });
    expect((await post(url, cloudEvent("1", { data: "x".repeat(20_000) }), KNOCK)).status).toBe(413);
    const chunked = await new Promise<number | undefined>((resolve, reject) => {
      const sending = httpRequest(url, { method: "POST", headers: { ...ONE, ...KNOCK } }, (response) => {
        response.resume();
        resolve(response.statusCode);
        sending.destroy();
      });
      sending.on("error", reject);
      sending.write("x".repeat(20_000));
    });
    expect(chunked).toBe(413);
    expect(came).toEqual([]);
  });

  it("a body that never comes costs a connection for as long as the patience, and nothing else", async () => {
    const { url } = await target({ patienceMs: 200 });
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.write(
      `POST / HTTP/1.1\r\nhost: x\r\nx-webhook-secret: ${SECRET}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`,
    );
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 408/);
    socket.destroy();
  });

  it("a caller that hangs up makes the event come again, and its handler is told", async () => {
    let aborted = false;
    const take = ({ signal }: { signal: AbortSignal }) =>
      new Promise<{ kind: "ack" }>(() => signal.addEventListener("abort", () => (aborted = true)));
    const url = await serve(eventGridWebhook({ ...HEADER, take }));
    const hangUp = new AbortController();
    const calling = fetch(url, {
      method: "POST",
      headers: { ...ONE, ...KNOCK },
      body: JSON.stringify(cloudEvent("1")),
      signal: hangUp.signal,
    });
    setTimeout(() => hangUp.abort(), 100);
    await expect(calling).rejects.toThrow();
    await eventually(() => aborted);
  });

  it("what is no event arrives as it is, and core keeps it: never an exception, never a 2xx for nothing", async () => {
    const { url, came } = await target();
    const bodies = [
      "{",
      "[]",
      "null",
      "42",
      '"text"',
      "[[1]]",
      '{"__proto__":{"a":1}}',
      "\u0000",
      `${"[".repeat(20_000)}${"]".repeat(20_000)}`,
    ];
    for (const body of bodies) expect((await post(url, body, KNOCK)).status, body.slice(0, 20)).toBe(204);
    expect(came).toHaveLength(bodies.length);
    expect(({} as { a?: number }).a).toBeUndefined();
    expect((await fetch(url, { method: "POST", headers: KNOCK })).status).toBe(400);
    expect((await fetch(url, { headers: KNOCK })).status).toBe(405);
    expect((await post(url, "{}", { ...KNOCK, "aeg-event-type": "SubscriptionDeletion" })).status).toBe(200);
    expect(came).toHaveLength(bodies.length);
  });

  it("a take that throws has the event delivered again", async () => {
    const { take } = recorder(async () => {
      throw new Error(`do not tell ${SECRET}`);
    });
    const url = await serve(eventGridWebhook({ ...HEADER, take }));
    const answer = await post(url, cloudEvent("1"), KNOCK);
    expect(answer.status).toBe(503);
    expect(await answer.text()).not.toContain(SECRET);
  });
});
