import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { cloudEvent, type EventGridEmulator, open, rest } from "./emulator-event-grid.fixture.ts";

async function withPull(more: object = {}) {
  const emulator = await open({
    topics: ["orders"],
    namespaces: [{ name: "shop", topics: [{ name: "orders", subscriptions: [{ name: "billing" }] }] }],
    ...more,
  });
  return {
    emulator,
    /** The server goes on: a whole round of publish, receive and acknowledge. */
    goesOn: async () => {
      expect((await rest(emulator, "/topics/orders:publish", cloudEvent("alive"))).status).toBe(200);
      const { body } = await rest(emulator, "/topics/orders/eventsubscriptions/billing:receive?maxEvents=100");
      const lockTokens = body.value.map(
        ({ brokerProperties }: { brokerProperties: { lockToken: string } }) => brokerProperties.lockToken,
      );
      const answer = await rest(emulator, "/topics/orders/eventsubscriptions/billing:acknowledge", { lockTokens });
      expect(answer.body.failedLockTokens).toEqual([]);
    },
  };
}

async function dial(emulator: EventGridEmulator): Promise<Socket> {
  const socket = connect(emulator.port, "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** Everything that came until the other side closed. */
async function toEnd(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk.toString();
  });
  // Not `once`: a broken pipe is one of the ways to be closed.
  if (!socket.closed) await new Promise((resolve) => socket.once("close", resolve));
  return text;
}

const POST = (path: string, headers: string, body = "") => `POST ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n${body}`;

describe("the door", () => {
  it.each([
    "/../orders/api/events",
    "/orders/../orders/api/events",
    "/orders/%2e%2e/api/events",
    "/orders%2fapi%2fevents",
    "//orders/api/events",
    "/__proto__/api/events",
    "/constructor/api/events",
    "/orders/api/events/..;/x",
    "/topics/__proto__:publish",
    "/topics/orders/eventsubscriptions/billing:toString",
    "/topics/orders/eventsubscriptions/..%2fbilling:receive",
    "/topics/constructor/eventsubscriptions/billing:receive",
    "/eventsubscriptions/billing/validate?id=__proto__",
    `/${"a".repeat(10_000)}/api/events`,
    "http://elsewhere/orders/api/events",
  ])("answers 404 for %s", async (path) => {
    const { emulator, goesOn } = await withPull();
    const socket = await dial(emulator);
    socket.write(POST(path, `aeg-sas-key: ${emulator.key}\r\nConnection: close\r\nContent-Length: 0\r\n`));
    expect(await toEnd(socket)).toMatch(/^HTTP\/1\.1 404 /);
    await goesOn();
  });

  it.each(["GET", "PUT", "DELETE", "OPTIONS", "PROPFIND"])("answers 405 for %s", async (method) => {
    const { emulator } = await withPull();
    expect((await fetch(emulator.topicEndpoint("orders"), { method })).status).toBe(405);
  });

  it("takes prototype names in data as data", async () => {
    const { emulator } = await withPull();
    const text = `{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}}`;
    expect((await rest(emulator, "/topics/orders:publish", text)).status).toBe(200);
    const { body } = await rest(emulator, "/topics/orders/eventsubscriptions/billing:receive");
    expect(JSON.stringify(body.value[0].event)).toBe(text);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    const filtered = await rest(emulator, "/topics/orders:publish", `{"__proto__":{"id":"1"}}`);
    expect(filtered.status).toBe(400);
  });

  it("refuses an announced and an unannounced flood, and goes on", async () => {
    // The bound on what is thrown away ends them, not the time that a request may take.
    const { emulator, goesOn } = await withPull({ requestTimeoutMs: 300_000 });
    const key = `Authorization: SharedAccessKey ${emulator.key}\r\n`;
    const path = "/topics/orders:publish?api-version=2024-06-01";
    const announced = await dial(emulator);
    announced.write(POST(path, `${key}Content-Length: 999999999\r\n`, "x"));
    // Refused for what it says, before it comes.
    const [first] = (await once(announced, "data")) as [Buffer];
    expect(first.toString()).toMatch(/^HTTP\/1\.1 403 /);
    const answered = toEnd(announced);
    const push = () => {
      while (announced.writable && announced.write(Buffer.alloc(65_536, 120)));
      if (announced.writable) announced.once("drain", push);
    };
    push();
    await answered;

    const chunked = await dial(emulator);
    const flooded = toEnd(chunked);
    chunked.write(POST(path, `${key}Transfer-Encoding: chunked\r\n`));
    const flood = () => {
      const part = `10000\r\n${"x".repeat(65_536)}\r\n`;
      while (chunked.writable && chunked.write(part));
      if (chunked.writable) chunked.once("drain", flood);
    };
    flood();
    expect(await flooded).toMatch(/^HTTP\/1\.1 403 /);
    await goesOn();
  });

  // fidelity event-grid: namespace topics: 403 for a publish that is too large, 410 for a topic that is not there
  it("answers 403 to a client that sends all of its body first", async () => {
    const { emulator } = await withPull();
    const { status, body } = await rest(emulator, "/topics/orders:publish", `"${"x".repeat(4 * 1024 * 1024)}"`);
    expect(status).toBe(403);
    expect(body).toMatchObject({ error: { code: "Forbidden", message: expect.stringContaining("maximum size") } });
  });

  it("closes slow clients: of the first byte, of headers, of the body", async () => {
    const { emulator, goesOn } = await withPull({ headersTimeoutMs: 200, requestTimeoutMs: 400 });
    const starts = [
      "",
      "POST /orders/api/events HTTP/1.1\r\nHost: x\r\nX-Slow: ",
      POST("/orders/api/events", `aeg-sas-key: ${emulator.key}\r\nContent-Length: 9999\r\n`, "{"),
    ];
    const ends = starts.map(async (start) => {
      const socket = await dial(emulator);
      socket.write(start);
      const drip = setInterval(() => start !== "" && socket.write("a"), 50);
      const text = await toEnd(socket);
      clearInterval(drip);
      return text;
    });
    for (const text of await Promise.all(ends)) expect(text).toMatch(/^(HTTP\/1\.1 408 .*)?$/s);
    await goesOn();
  });

  // fidelity event-grid: hostile peers
  it("serves others while 500 connections are held open, and 500 publishers at once", async () => {
    const { emulator, goesOn } = await withPull();
    const idle = await Promise.all(Array.from({ length: 500 }, () => dial(emulator)));
    await goesOn();
    for (const socket of idle.slice(0, 250)) socket.resetAndDestroy();
    const answers = await Promise.all(
      Array.from({ length: 500 }, (_, at) => rest(emulator, "/topics/orders:publish", cloudEvent(String(at)))),
    );
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(emulator.control.state("shop/orders", "billing").events).toHaveLength(500);
  });

  it("survives half requests that are cut", async () => {
    const { emulator, goesOn } = await withPull();
    for (let at = 0; at < 50; at += 1) {
      const socket = await dial(emulator);
      socket.write(POST("/orders/api/events", `aeg-sas-key: ${emulator.key}\r\nContent-Length: 100\r\n`, "{"));
      socket.resetAndDestroy();
    }
    await goesOn();
  });

  // fidelity event-grid: hostile peers
  it("answers every body with 200 or 4xx, whatever it holds", async () => {
    const { emulator, goesOn } = await withPull();
    const body = fc.oneof(
      fc.json(),
      fc.string(),
      fc
        .record(
          {
            specversion: fc.constantFrom("1.0", "0.3"),
            id: fc.oneof(fc.string(), fc.jsonValue()),
            source: fc.oneof(fc.string(), fc.jsonValue()),
            type: fc.constant("t"),
            time: fc.oneof(fc.string(), fc.constant("2026-01-01T00:00:00Z")),
            data: fc.jsonValue(),
            __proto__: fc.jsonValue(),
          },
          { requiredKeys: [] },
        )
        .map((value) => JSON.stringify(value)),
    );
    const type = fc.constantFrom("application/cloudevents+json", "application/cloudevents-batch+json", "text/xml", "");
    await fc.assert(
      fc.asyncProperty(body, type, async (text, contentType) => {
        const { status } = await rest(emulator, "/topics/orders:publish", text, { "content-type": contentType });
        expect([200, 400]).toContain(status);
      }),
      { numRuns: 500, seed: 7 },
    );
    await goesOn();
  });

  it("answers garbage with 400 and closes", async () => {
    const { emulator, goesOn } = await withPull();
    for (const bytes of ["\x16\x03\x01\x02\x00\x01", "AMQP\x00\x01\x00\x00", "GET\r\n\r\n", "\0".repeat(100)]) {
      const socket = await dial(emulator);
      socket.write(bytes);
      expect(await toEnd(socket)).toMatch(/^HTTP\/1\.1 400 /);
    }
    await goesOn();
  });

  it("listens on loopback only, and closes twice without harm", async () => {
    const { emulator } = await withPull();
    expect(new URL(emulator.endpoint).hostname).toBe("127.0.0.1");
    const others = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    const addresses = others
      .filter(({ family, internal }) => family === "IPv4" && !internal)
      .map(({ address }) => address);
    // Another address of a loopback interface, where the system has such.
    for (const address of ["127.0.0.2", ...addresses])
      await expect(fetch(`http://${address}:${emulator.port}/health`)).rejects.toThrow();
    const socket = await dial(emulator);
    await Promise.all([emulator.close(), emulator.close()]);
    await toEnd(socket);
    await expect(fetch(`${emulator.endpoint}/health`)).rejects.toThrow();
  });
});
