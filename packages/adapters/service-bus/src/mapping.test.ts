import type { ServiceBusReceivedMessage } from "@azure/service-bus";
import { createCodec, type OutboundMessage } from "@waybill/core/spi";
import fc from "fast-check";
import { expect, it } from "vitest";
import { fromServiceBus, measure, toServiceBus } from "./mapping.ts";

const settings = { sessions: "none", buckets: 16, attributePrefix: "cloudEvents_" } as const;
const wire = { settings, dedupe: false };
const codec = createCodec();
const received = (message: Partial<ServiceBusReceivedMessage>) => message as ServiceBusReceivedMessage;
const event = (given: object = {}) =>
  codec.encode({ specversion: "1.0", id: "e-1", source: "/shop", type: "placed", ...given } as never, {
    headers: true,
  });

it("brings key, headers, bytes and content type there and back", () => {
  fc.assert(
    fc.property(
      fc.record({
        id: fc.string({ minLength: 1, maxLength: 128 }),
        key: fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
        body: fc.uint8Array(),
        headers: fc.dictionary(
          fc.string({ minLength: 1 }).filter((name) => !/^cloudEvents[:_]|^wbkey$/.test(name)),
          fc.oneof(fc.string(), fc.uint8Array()),
        ),
      }),
      (message: OutboundMessage) => {
        const sent = toServiceBus(message, wire);
        const back = fromServiceBus(received({ ...(sent as object) }));
        expect(back.key).toBe(message.key ?? message.headers.ce_partitionkey);
        expect(Buffer.from(back.body!)).toEqual(Buffer.from(message.body!));
        const bytes = (headers: OutboundMessage["headers"]) =>
          Object.entries(headers).map(([name, value]) => [name, Buffer.from(value).toString("hex")]);
        expect(bytes(back.headers).sort()).toEqual(bytes(message.headers).sort());
      },
    ),
  );
});

it("writes bytes as text with a mark, since the service takes none as a property, and reads them back", () => {
  const headers = { raw: new Uint8Array([0, 255]), __proto__x: "t", "a~64": "text", empty: new Uint8Array() };
  const { applicationProperties } = toServiceBus({ ...event(), headers }, wire);
  expect(applicationProperties).toEqual({ "raw~64": "AP8=", __proto__x: "t", "a~64~64": "dGV4dA==", "empty~64": "" });
  expect(fromServiceBus(received({ applicationProperties: applicationProperties! })).headers).toEqual({
    raw: Buffer.from([0, 255]),
    __proto__x: "t",
    "a~64": Buffer.from("text"),
    empty: Buffer.alloc(0),
  });
  const foreign = { "b~64": "no base64!", "c~64": 5 };
  expect(fromServiceBus(received({ applicationProperties: foreign })).headers).toEqual({
    "b~64": "no base64!",
    "c~64": "5",
  });
});

it("gives a header named __proto__ a name that rhea does not lose, and takes it back", () => {
  const headers = JSON.parse('{"__proto__":"a","__proto__~":"b"}');
  const { applicationProperties } = toServiceBus({ ...event(), headers }, wire);
  expect(Object.keys(applicationProperties!)).toEqual(["__proto__~", "__proto__~~"]);
  expect(Object.entries(fromServiceBus(received({ applicationProperties: applicationProperties! })).headers)).toEqual([
    ["__proto__", "a"],
    ["__proto__~", "b"],
  ]);
});

it("reads what other clients write: numbers, booleans, times, bytes, null, either prefix", () => {
  const message = fromServiceBus(
    received({
      body: "text as an AMQP value",
      messageId: 7,
      applicationProperties: {
        "cloudEvents:specversion": "1.0",
        "cloudEvents:id": "e",
        "cloudEvents:source": "/x",
        "cloudEvents:type": "t",
        "cloudEvents:time": new Date(0),
        "cloudEvents:count": 3,
        "cloudEvents:yes": true,
        raw: Buffer.from([1]),
        none: null,
      } as never,
    }),
  );
  expect(codec.decode({ ...message, contentType: "text/plain" }).event).toEqual({
    specversion: "1.0",
    id: "e",
    source: "/x",
    type: "t",
    time: "1970-01-01T00:00:00.000Z",
    count: 3,
    yes: true,
    datacontenttype: "text/plain",
    data: "text as an AMQP value",
  });
  expect(message.headers.raw).toEqual(Buffer.from([1]));
  expect(message.headers.none).toBeUndefined();
});

it.each([
  [undefined, ""],
  [null, ""],
  [{ a: 1 }, '{"a":1}'],
  [[Buffer.from("a"), Buffer.from("b")], "ab"],
  [[1, 2], "[1,2]"],
])("makes bytes of any body: %j", (body, expected) => {
  expect(Buffer.from(fromServiceBus(received({ body })).body!).toString()).toBe(expected);
});

it("takes the session of a foreign producer for the key, and never one of our buckets", () => {
  expect(fromServiceBus(received({ sessionId: "o-1" })).key).toBe("o-1");
  expect(fromServiceBus(received({ sessionId: "wb-3" })).key).toBeUndefined();
});

it("names an event by source and id where duplicates are dropped, and each copy of it by its attempt", () => {
  const idOf = (message: OutboundMessage, dedupe = true) => toServiceBus(message, { settings, dedupe }).messageId;
  expect(idOf(event(), false)).toBe("e-1");
  expect(idOf(event())).toBe(idOf(event({ time: "2026-01-01T00:00:00Z" })));
  const structured = codec.encode({ specversion: "1.0", id: "e-1", source: "/shop", type: "placed" } as never, {
    headers: false,
  });
  const all = [
    event(),
    event({ source: "/other" }),
    codec.withBookkeeping(event(), { attempt: 2 }),
    codec.withBookkeeping(event(), { attempt: 3 }),
    codec.withBookkeeping(event(), { redrives: 1 }),
    codec.withBookkeeping(structured, { attempt: 4 }),
  ].map((message) => idOf(message));
  expect(new Set(all).size).toBe(all.length);
  expect(idOf({ ...structured, headers: {} })).toBe(idOf(event()));
});

it("never measures less than the body and its headers take", () => {
  const message = { ...event(), body: new Uint8Array(1_000), headers: { a: "ü".repeat(100) } };
  expect(measure(message, wire)).toBeGreaterThan(1_200);
  expect(measure({ ...message, body: new Uint8Array(1_001) }, wire)).toBe(measure(message, wire) + 1);
});
