import { describe, expect, test } from "vitest";
import type { RawCloudEvent } from "../events/cloud-event.ts";
import type { Headers, WireMessage } from "../spi/wire-message.ts";
import { createCodec } from "./create-codec.ts";

const codec = createCodec();
const core = { specversion: "1.0", id: "1", source: "/s", type: "t" } as const;
const coreHeaders = { ce_specversion: "1.0", ce_id: "1", ce_source: "/s", ce_type: "t" };
const message = (headers: Headers, body: string | null = null, contentType?: string): WireMessage => ({
  id: "broker",
  headers,
  body: body === null ? null : Buffer.from(body),
  contentType,
});
const encode = (event: RawCloudEvent) => codec.encode(event, { headers: true });

describe("writing", () => {
  test("attributes are ce_ headers, the data the body, partitionkey the key", () => {
    const out = encode({
      ...core,
      time: "2026-01-31T12:00:00Z",
      datacontenttype: "application/json",
      partitionkey: "k é",
      data: { a: 1 },
    });
    expect({ ...out, body: Buffer.from(out.body!).toString() }).toEqual({
      id: "1",
      key: "k é",
      body: '{"a":1}',
      contentType: "application/json",
      headers: { ...coreHeaders, ce_time: "2026-01-31T12:00:00Z", ce_partitionkey: "k é" },
    });
  });

  test("types are written only where a value is no text", () => {
    expect(encode({ ...core, a: "1", data: 1 }).headers).toEqual({ ...coreHeaders, ce_a: "1" });
    expect(encode({ ...core, a: "1", b: 2, c: false }).headers).toEqual({
      ...coreHeaders,
      ce_a: "1",
      ce_b: "2",
      ce_c: "false",
      wbtypes: "b=i,c=b",
    });
  });

  test("no data is no body, and null is data", () => {
    expect(encode({ ...core }).body).toBeNull();
    expect(encode({ ...core, data: undefined }).body).toBeNull();
    expect(Buffer.from(encode({ ...core, data: null }).body!).toString()).toBe("null");
  });

  test.each([
    [undefined, undefined],
    ["application/json", undefined],
    ["text/plain", "data=n"],
    ["application/octet-stream", "data=n"],
  ])("no data comes back as none from a broker that has no other body than bytes: %s", (datacontenttype, types) => {
    const event = { ...core, ...(datacontenttype === undefined ? {} : { datacontenttype }) };
    const out = encode(event);
    expect(out.headers.wbtypes).toBe(types);
    for (const body of [null, new Uint8Array()]) expect(codec.decode({ ...out, body }).event).toEqual(event);
  });

  test("empty text and empty bytes are data, beside typed attributes too", () => {
    for (const [datacontenttype, data] of [
      ["text/plain", ""],
      ["application/octet-stream", Buffer.alloc(0)],
    ] as const) {
      const event = { ...core, n: 1, datacontenttype, data };
      expect(codec.decode(encode(event)).event).toEqual(event);
      const bare = { ...core, n: 1, datacontenttype };
      expect(codec.decode({ ...encode(bare), body: Buffer.alloc(0) }).event).toEqual(bare);
    }
  });

  test("data that is there counts, whatever the headers of somebody between say", () => {
    const between = message({ ...coreHeaders, wbtypes: "data=n" }, "text", "text/plain");
    expect(codec.decode(between).event.data).toBe("text");
  });

  test("data that is itself a structured event goes inside a document, or its content type would lie", () => {
    const out = encode({ ...core, datacontenttype: "application/cloudevents+json", data: { id: "inner" } });
    expect(out.headers).toEqual({});
    expect(codec.decode(out).event.data).toEqual({ id: "inner" });
  });

  const circular: Record<string, unknown> = {};
  circular.self = circular;
  const deep = JSON.parse(`${"[".repeat(200_000)}${"]".repeat(200_000)}`);
  test.each<[string, string | undefined, unknown]>([
    ["a circle", undefined, circular],
    ["a bigint", undefined, { n: 1n }],
    ["a function", undefined, () => 1],
    ["a symbol", "application/json", Symbol("s")],
    ["bytes", "application/json", new Uint8Array(1)],
    ["bytes of another kind", undefined, new ArrayBuffer(1)],
    ["a view of bytes", undefined, new Float32Array(1)],
    ["no number", undefined, Number.NaN],
    ["a map", undefined, new Map([["a", 1]])],
    ["a promise", undefined, Promise.resolve(1)],
    ["an error", undefined, new Error("no data")],
    ["what writes itself as nothing", undefined, { toJSON: () => undefined }],
    ["too deep", undefined, deep],
    ["no string", "text/plain", { a: 1 }],
    ["half a surrogate pair", "text/plain", "a\ud800"],
    ["no bytes", "image/png", "text"],
  ])("refuses %s for %s in both modes", (_name, datacontenttype, data) => {
    const event = { ...core, ...(datacontenttype !== undefined && { datacontenttype }), data };
    for (const headers of [true, false]) {
      expect(() => codec.encode(event, { headers })).toThrow(
        expect.objectContaining({ code: "WB_DATA_UNSERIALIZABLE" }),
      );
    }
  });
});

describe("reading", () => {
  test("names in any case, AMQP prefixes, bytes, foreign headers", () => {
    const { event } = codec.decode(
      message(
        {
          CE_SpecVersion: Buffer.from("1.0"),
          "cloudEvents:id": "1",
          cloudEvents_source: "/s",
          Ce_Type: "t",
          "Content-Type": "text/plain",
          ce_EXT: Buffer.from("é"),
          traceparent: "00-1",
          "x-other": Buffer.from([0xff]),
        },
        "hi",
      ),
    );
    expect(event).toEqual({ ...core, ext: "é", datacontenttype: "text/plain", data: "hi" });
  });

  test("ce_datacontenttype counts only without a content type", () => {
    const headers = { ...coreHeaders, ce_datacontenttype: "text/csv" };
    expect(codec.decode(message(headers, "a")).event).toMatchObject({ datacontenttype: "text/csv", data: "a" });
    expect(codec.decode(message(headers, "1", "application/json")).event).toMatchObject({
      datacontenttype: "application/json",
      data: 1,
    });
  });

  test("no content type means JSON; no bytes mean no JSON, but are a text and a file", () => {
    expect(codec.decode(message(coreHeaders, '{"a":1}')).event).toEqual({ ...core, data: { a: 1 } });
    expect(codec.decode(message(coreHeaders, '\ufeff"x"')).event.data).toBe("x");
    expect(codec.decode(message(coreHeaders, "")).event).toEqual(core);
    expect(codec.decode(message(coreHeaders, "", "text/plain")).event.data).toBe("");
    expect(codec.decode(message(coreHeaders, "", "image/png")).event.data).toEqual(Buffer.alloc(0));
    expect(codec.decode(message(coreHeaders, null, "image/png")).event).not.toHaveProperty("data");
  });

  test("without wbtypes values are text, and wbtypes that do not fit are ignored", () => {
    const headers = {
      ...coreHeaders,
      ce_a: "1",
      ce_b: "true",
      ce_c: "1.5",
      ce_d: "0x1",
      ce_e: "4294967296",
      ce_f: "TRUE",
    };
    const texts = { a: "1", b: "true", c: "1.5", d: "0x1", e: "4294967296", f: "TRUE" };
    expect(codec.decode(message(headers)).event).toEqual({ ...core, ...texts });
    const wbtypes = "a=i,b=b,c=i,d=i,e=i,f=b,id=i,nothing=i,__proto__=b,,=,a";
    expect(codec.decode(message({ ...headers, wbtypes })).event).toEqual({ ...core, ...texts, a: 1, b: true });
    expect(codec.decode(message({ ...headers, wbtypes: Buffer.from([0xff]) })).event).toEqual({ ...core, ...texts });
  });

  test("an empty optional attribute is unset, an empty extension is not", () => {
    const headers = { ...coreHeaders, ce_subject: "", ce_time: "", ce_dataschema: "", ce_partitionkey: "", ce_x: "" };
    expect(codec.decode(message(headers)).event).toEqual({ ...core, x: "" });
  });

  test("the broker's key does not become an attribute, nor do bookkeeping names", () => {
    const { event, bookkeeping } = codec.decode({
      ...message({
        ...coreHeaders,
        ce_wbattempt: "9",
        wbattempt: "2",
        wbfirstfailure: "2026-01-31T12:00:00Z",
        wbredrives: "3",
      }),
      key: "k",
    });
    expect(event).toEqual(core);
    expect(bookkeeping).toEqual({ attempt: 2, firstFailure: "2026-01-31T12:00:00Z", redrives: 3 });
  });

  test("names of Object.prototype are extensions like any other", () => {
    const { event } = codec.decode(message({ ...coreHeaders, ce_constructor: "c", ce_valueof: "v" }));
    expect(Object.hasOwn(event, "constructor")).toBe(true);
    expect(event).toEqual({ ...core, constructor: "c", valueof: "v" });
  });

  const { ce_id: _id, ...noId } = coreHeaders;
  const { ce_source: _source, ...noSource } = coreHeaders;
  const { ce_type: _type, ...noType } = coreHeaders;
  test.each<[string, WireMessage]>([
    ["no id", message(noId)],
    ["no source", message(noSource)],
    ["no type", message(noType)],
    ["no id", message({ ...coreHeaders, ce_id: "" })],
    ['specversion is "0.3"', message({ ...coreHeaders, ce_specversion: "0.3" })],
    ['"ce_some-name" names no attribute', message({ ...coreHeaders, "ce_some-name": "x" })],
    ['"ce_data" names no attribute', message({ ...coreHeaders, ce_data: "x" })],
    ['"ce___proto__" names no attribute', message({ ...coreHeaders, ce___proto__: "x" })],
    ['"ce_id" is no valid UTF-8', message({ ...coreHeaders, ce_id: Buffer.from([0xc3]) })],
    ["no valid JSON", message(coreHeaders, "{")],
    ["no valid JSON", message(coreHeaders, "undefined")],
    ["no valid UTF-8", { ...message(coreHeaders), body: Buffer.from([0x22, 0xff, 0x22]) }],
    ["no valid UTF-8", { ...message(coreHeaders, null, "text/plain"), body: Buffer.from([0xff]) }],
    ["neither a specversion header nor a JSON document", message({}, null)],
    ["neither a specversion header nor a JSON document", message({ a: "b" }, "hello")],
    ["no specversion", message({}, '{"a":1}')],
  ])("refuses: %s", (problem, wire) => {
    expect(() => codec.decode(wire)).toThrow(
      expect.objectContaining({ code: "WB_EVENT_UNDECODABLE", sentence: expect.stringContaining(problem) }),
    );
  });
});

describe("a serializer", () => {
  const rot = createCodec({
    serializers: [
      {
        accepts: (type) => type === "application/x-rev" || type === "application/rev+json",
        write: (data) => Buffer.from(String(data)).reverse(),
        read: (bytes) => Buffer.from(bytes).reverse().toString(),
      },
      {
        accepts: (type) => type === "application/x-fails",
        write: () => {
          throw new Error("cannot");
        },
        read: () => {
          throw new Error("cannot");
        },
      },
    ],
  });

  test.each(["application/x-rev", "Application/X-Rev; v=1", "application/rev+json"])(
    "serves %s in both modes",
    (datacontenttype) => {
      const event = { ...core, datacontenttype, data: "abc" };
      const binary = rot.encode(event, { headers: true });
      expect(Buffer.from(binary.body!).toString()).toBe("cba");
      expect(rot.decode(binary).event).toEqual(event);
      expect(rot.decode(rot.encode(event, { headers: false })).event).toEqual(event);
    },
  );

  test("that throws is named as the reason", () => {
    const event = { ...core, datacontenttype: "application/x-fails", data: "abc" };
    expect(() => rot.encode(event, { headers: true })).toThrow(/WB_DATA_UNSERIALIZABLE.*serializer/);
    expect(() => rot.decode(message(coreHeaders, "x", "application/x-fails"))).toThrow(
      /WB_EVENT_UNDECODABLE.*serializer/,
    );
  });
});
