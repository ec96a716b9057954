import { describe, expect, it } from "vitest";
import { acceptEvent, type EventSchema } from "./accepted-event.ts";
import { readEvents } from "./read-events.ts";
import { onlyTopic } from "./topic-of-event.ts";

const event = { specversion: "1.0", id: "1", source: "/s", type: "t" };
const intake = {
  schema: "CloudEventSchemaV1_0" as EventSchema,
  topicOf: onlyTopic("/topic"),
  sourceNamesTopic: false,
  maxEvents: 3,
  tooManyStatus: 413,
  requiresData: false,
};
const SINGLE = "application/cloudevents+json";
const BATCH = "application/cloudevents-batch+json; charset=utf-8";

const read = (contentType: string, body: unknown, more: Partial<typeof intake> = {}, headers: object = {}) =>
  readEvents(
    {
      headers: { "content-type": contentType, ...headers },
      body: Buffer.isBuffer(body) ? body : Buffer.from(typeof body === "string" ? body : JSON.stringify(body)),
    },
    { ...intake, ...more },
  );
const statusOf = (act: () => unknown): unknown => {
  try {
    act();
    return "taken";
  } catch (error) {
    return (error as { status: number }).status;
  }
};

// fidelity event-grid: publish CloudEvents: one, batch, binary mode
describe("CloudEvents", () => {
  it("keeps extensions, falsy data and every digit", () => {
    const text = `{"specversion":"1.0","id":"1","source":"/s","type":"t","ext":"","n":0,"data":{"__proto__":{"a":1},"big":12345678901234567890,"e":1e400,"z":[0,"",false,null]}}`;
    const [only] = read(SINGLE, text);
    expect(acceptEvent("CloudEventSchemaV1_0", only!, 0).json).toBe(text);
    expect(({} as { a?: unknown }).a).toBeUndefined();
  });

  it("takes a batch, a single event and one in plain JSON", () => {
    expect(read(BATCH, [event, { ...event, id: "2" }])).toHaveLength(2);
    expect(read(SINGLE, event)).toEqual([event]);
    expect(read("application/json", event)).toEqual([event]);
  });

  it("takes binary mode: attributes in headers, data in the body", () => {
    const ce = { "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t", "ce-ext": "%C3%A4" };
    const base = { ...event, ext: "ä" };
    expect(read("application/json", "0", {}, ce)).toEqual([{ ...base, datacontenttype: "application/json", data: 0 }]);
    expect(read("text/plain", "ü", {}, ce)).toEqual([{ ...base, datacontenttype: "text/plain", data: "ü" }]);
    expect(read("image/png", Buffer.from([0, 255]), {}, ce)).toEqual([
      { ...base, datacontenttype: "image/png", data_base64: "AP8=" },
    ]);
    expect(statusOf(() => read("text/plain", "x", {}, { ...ce, "ce-id": "" }))).toBe(400);
  });

  it.each<[string, unknown]>([
    ["no id", { ...event, id: undefined }],
    ["empty source", { ...event, source: "" }],
    ["another version", { ...event, specversion: "0.3" }],
    ["a number as subject", { ...event, subject: 1 }],
    ["a bad time", { ...event, time: "yesterday" }],
    ["two kinds of data", { ...event, data: 1, data_base64: "AA==" }],
    ["bad base64", { ...event, data_base64: "%" }],
    ["a name with capitals", { ...event, Ext: "x" }],
    ["an object as extension", { ...event, ext: {} }],
    ["a prototype trick", `{"specversion":"1.0","id":"1","source":"/s","type":"t","__proto__":{"a":1}}`],
    ["null", null],
    ["no JSON", "{"],
    ["deep nesting", `${"[".repeat(200_000)}${"]".repeat(200_000)}`],
    ["bad UTF-8", Buffer.from(`{"specversion":"1.0","id":"\xff","source":"/s","type":"t"}`, "latin1")],
  ])("refuses %s", (_name, body) => {
    expect(statusOf(() => read(SINGLE, body))).toBe(400);
  });

  it("refuses too many, none, and the wrong content type", () => {
    expect(statusOf(() => read(BATCH, [event, event, event, event]))).toBe(413);
    expect(statusOf(() => read(BATCH, []))).toBe(400);
    expect(statusOf(() => read(BATCH, event))).toBe(400);
    expect(statusOf(() => read("application/json", [event]))).toBe(400);
    expect(statusOf(() => read("application/xml", "<a/>"))).toBe(400);
    expect(statusOf(() => read(`${SINGLE}; charset=utf-16`, event))).toBe(400);
  });

  it("wants data in a namespace topic, and takes null for it", () => {
    expect(statusOf(() => read(SINGLE, event, { requiresData: true }))).toBe(400);
    expect(read(SINGLE, { ...event, data: null }, { requiresData: true })).toHaveLength(1);
    expect(read(SINGLE, { ...event, data_base64: "AA==" }, { requiresData: true })).toHaveLength(1);
  });
});

// fidelity event-grid: publish the Event Grid schema
describe("Event Grid schema", () => {
  const old = { id: "1", subject: "", eventType: "T", eventTime: "2026-01-01T00:00:00Z", data: 0, dataVersion: "2" };
  const schema = { schema: "EventGridSchema" as EventSchema };

  it("gets the topic and the metadata version, and keeps the rest", () => {
    expect(read("application/json", [old], schema)).toEqual([{ ...old, topic: "/topic", metadataVersion: "1" }]);
    const { dataVersion: _, ...bare } = old;
    expect(read("application/json", [bare], schema)[0]).toMatchObject({ dataVersion: "" });
  });

  it.each<[string, object]>([
    ["no id", { ...old, id: undefined }],
    ["no type", { ...old, eventType: undefined }],
    ["a bad time", { ...old, eventTime: "x" }],
    ["another topic", { ...old, topic: "/other" }],
    ["another metadata version", { ...old, metadataVersion: "2" }],
  ])("refuses %s", (_name, body) => {
    expect(statusOf(() => read("application/json", [body], schema))).toBe(400);
  });

  it("and CloudEvents refuse each other", () => {
    expect(statusOf(() => read(BATCH, [event], schema))).toBe(400);
    expect(statusOf(() => read("application/json", [old]))).toBe(400);
  });
});
