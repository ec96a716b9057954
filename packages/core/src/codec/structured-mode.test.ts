import { describe, expect, test } from "vitest";
import type { RawCloudEvent } from "../events/cloud-event.ts";
import { ParsedBody } from "../spi/parsed-body.ts";
import type { WireMessage } from "../spi/wire-message.ts";
import { createCodec } from "./create-codec.ts";

const codec = createCodec();
const core = { specversion: "1.0", id: "1", source: "/s", type: "t" } as const;
const CE = "application/cloudevents+json";
const message = (body: unknown, contentType: string | undefined = CE): WireMessage => ({
  id: "broker",
  headers: {},
  contentType,
  body: Buffer.from(typeof body === "string" ? body : JSON.stringify(body)),
});
const bare = (body: unknown): WireMessage => ({ ...message(body), contentType: undefined });
const written = (event: RawCloudEvent) => Buffer.from(codec.encode(event, { headers: false }).body!).toString();

describe("writing", () => {
  test.each<[RawCloudEvent, string]>([
    [{ ...core, data: { a: 1 } }, '"data":{"a":1}'],
    [{ ...core, data: null }, '"data":null'],
    [{ ...core, datacontenttype: "text/plain", data: "é" }, '"datacontenttype":"text/plain","data":"é"'],
    [
      { ...core, datacontenttype: "image/png", data: new Uint8Array([1, 2]) },
      '"datacontenttype":"image/png","data_base64":"AQI="',
    ],
    [{ ...core, n: 1, b: true }, '"n":1,"b":true'],
    [{ ...core, data: "\uffff\ufffe\ud800" }, '"data":"\\uffff\\ufffe\\ud800"'],
  ])("%o", (event, expected) => {
    expect(written(event)).toBe(`{"specversion":"1.0","id":"1","source":"/s","type":"t",${expected}}`);
  });

  test("content type, key and id stand beside it, and no headers", () => {
    expect(codec.encode({ ...core, partitionkey: "k" }, { headers: false })).toMatchObject({
      id: "1",
      key: "k",
      headers: {},
      contentType: "application/cloudevents+json; charset=utf-8",
    });
  });

  test("says that the body is an event with data, and of a copy with another body nothing", () => {
    const encoded = codec.encode({ ...core, data: null }, { headers: false });
    expect(encoded.eventBody).toBe(encoded.body);
    const copy = codec.withBookkeeping(encoded, { attempt: 2 });
    expect(copy.eventBody).not.toBe(copy.body);
    for (const data of [undefined, new Date(0)])
      expect(codec.encode({ ...core, data }, { headers: false }).eventBody).toBeUndefined();
  });

  test("an object of another library does not write itself", () => {
    const event = { ...core, data: 1, toJSON: () => ({}) };
    expect(JSON.parse(written(event))).toEqual({ ...core, data: 1 });
  });
});

describe("reading what has been parsed", () => {
  const { body, ...rest } = message({ ...core, data: { a: 1 } });

  test("it is taken once, and forgotten", () => {
    const value = { ...core, data: { a: 1 } };
    const parsed = { ...rest, body, parsed: new ParsedBody(body!, value) };
    expect(codec.decode(parsed).event.data).toBe(value.data);
    const again = codec.decode(parsed).event;
    expect(again).toEqual(value);
    expect(again.data).not.toBe(value.data);
  });

  test("a copy with another body is read from that", () => {
    const parsed = { ...rest, body, parsed: new ParsedBody(body!, { ...core, data: { a: 1 } }) };
    const copy = codec.withBookkeeping(parsed, { attempt: 2 });
    expect(codec.decode(copy).bookkeeping).toEqual({ attempt: 2 });
  });
});

describe("reading", () => {
  test.each<[string, WireMessage]>([
    ["content type in any case", message({ ...core, data: 1 }, "Application/CloudEvents+JSON; charset=UTF-8")],
    ["content type among the headers", { ...bare({ ...core, data: 1 }), headers: { "Content-Type": Buffer.from(CE) } }],
    ["plain application/cloudevents", message({ ...core, data: 1 }, "application/cloudevents")],
    ["no content type", bare({ ...core, data: 1 })],
    ["content type application/json", message({ ...core, data: 1 }, "application/json")],
    ["base64", bare(Buffer.from(JSON.stringify({ ...core, data: 1 })).toString("base64"))],
    ["batch of one", message([{ ...core, data: 1 }], "application/cloudevents-batch+json")],
    ["batch of one, no content type", bare([{ ...core, data: 1 }])],
    ["byte order mark and white space", bare(`\ufeff\n ${JSON.stringify({ ...core, data: 1 })} `)],
    [
      "attributes repeated as headers",
      { ...message({ ...core, data: 1 }), headers: { ce_specversion: "1.0", ce_id: "2" } },
    ],
    ["null is unset", message({ ...core, data: 1, subject: null, ext: null, data_base64: null })],
    ["empty is unset", message({ ...core, data: 1, subject: "" })],
  ])("%s", (_name, wire) => {
    expect(codec.decode(wire)).toEqual({ event: { ...core, data: 1 }, bookkeeping: {} });
  });

  test.each<[string, object, unknown]>([
    ["absent data", {}, undefined],
    ["text", { datacontenttype: "text/xml", data: "<a/>" }, "<a/>"],
    ["base64 of JSON", { data_base64: "eyJhIjoxfQ==" }, { a: 1 }],
    ["base64 of text", { datacontenttype: "text/plain", data_base64: "w6k=" }, "é"],
    ["a string for a type of bytes", { datacontenttype: "application/xml", data: "<é/>" }, Buffer.from("<é/>")],
    ["nothing as bytes", { datacontenttype: "image/png", data_base64: "" }, Buffer.alloc(0)],
  ])("data: %s", (_name, members, data) => {
    const { event } = codec.decode(message({ ...core, ...members }));
    expect(event.data).toEqual(data);
    expect("data" in event).toBe(data !== undefined);
  });

  test.each<[string, unknown]>([
    ["no specversion", { id: "1" }],
    ["no id", { ...core, id: undefined }],
    ["no id", { ...core, id: null }],
    ["no id", { ...core, id: "" }],
    ["no source", { ...core, source: undefined }],
    ["no type", { ...core, type: undefined }],
    ["attribute id is no text", { ...core, id: 1 }],
    ["attribute time is no text", { ...core, time: 5 }],
    ['specversion is "0.3"', { ...core, specversion: "0.3" }],
    ['member "Upper" names no attribute', { ...core, Upper: "x" }],
    [
      'member "__proto__" names no attribute',
      '{"specversion":"1.0","id":"1","source":"/s","type":"t","__proto__":{"polluted":1}}',
    ],
    ["attribute ext is no text, 32-bit", { ...core, ext: { a: 1 } }],
    ["attribute ext is no text, 32-bit", { ...core, ext: 1.5 }],
    ["attribute ext is no text, 32-bit", { ...core, ext: 2 ** 31 }],
    ["both data and data_base64", { ...core, data: 1, data_base64: "AQI=" }],
    ["data_base64 is no string", { ...core, data_base64: 1 }],
    ["data_base64 is no base64", { ...core, data_base64: "not base64!" }],
    ["data is no string", { ...core, datacontenttype: "text/plain", data: { a: 1 } }],
    ["charset", { ...core, datacontenttype: "text/plain; charset=latin1", data: "é" }],
    ["batch of 0", []],
    ["batch of 2", [core, core]],
    ["batch holds no event", [1]],
    ["no valid JSON", '{"specversion":"1.0",'],
    ["no JSON document", "hello"],
    ["is empty", ""],
  ])("refuses: %s", (problem, body) => {
    expect(() => codec.decode(message(body))).toThrow(
      expect.objectContaining({ code: "WB_EVENT_UNDECODABLE", sentence: expect.stringContaining(problem) }),
    );
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test("refuses a format that is not JSON, and bytes that are no UTF-8", () => {
    expect(() => codec.decode(message({ ...core }, "application/cloudevents+avro"))).toThrow(/avro/);
    const body = Buffer.concat([Buffer.from('{"specversion":"1.0","id":"'), Buffer.from([0xff]), Buffer.from('"}')]);
    expect(() => codec.decode({ ...message({}), body })).toThrow(/UTF-8/);
  });

  test("names of Object.prototype are extensions like any other", () => {
    const { event } = codec.decode(
      message('{"constructor":"c","specversion":"1.0","id":"1","source":"/s","type":"t"}'),
    );
    expect(event).toEqual({ ...core, constructor: "c" });
    expect(Object.getPrototypeOf(event)).toBe(Object.prototype);
  });

  test("a document nested 500 000 deep crashes nothing", () => {
    const data = `${"[".repeat(500_000)}${"]".repeat(500_000)}`;
    const { event } = codec.decode(message(`{"specversion":"1.0","id":"1","source":"/s","type":"t","data":${data}}`));
    expect(Array.isArray(event.data)).toBe(true);
  });
});
