import assert from "node:assert/strict";
import { CloudEvent, type CloudEventV1, HTTP, Kafka } from "cloudevents";
import fc from "fast-check";
import { describe, test } from "vitest";
import type { RawCloudEvent } from "../events/cloud-event.ts";
import { anyEvent, comparable } from "./any-event.test.fixture.ts";
import { createCodec } from "./create-codec.ts";

const codec = createCodec();
type Sdk = CloudEventV1<unknown>;

/**
 * Events that the public SDK carries unharmed: it adds a time where there is none, refuses some extension names and sources, drops empty bytes, and its JSON
 * parser makes other things of `__proto__` and of long numbers.
 */
const scalar = fc.oneof(fc.string({ unit: "binary" }), fc.integer(), fc.boolean(), fc.constant(null));
const json = fc.oneof(
  fc.array(scalar),
  fc.dictionary(fc.stringMatching(/^[a-zA-Z .é-]{1,9}$/), fc.oneof(scalar, fc.array(scalar))),
);
const content = fc.oneof(
  json.map((data) => ({ data })),
  json.map((data) => ({ datacontenttype: "application/json", data })),
  fc.uint8Array({ minLength: 1 }).map((data) => ({ datacontenttype: "application/octet-stream", data })),
);
const shared: fc.Arbitrary<RawCloudEvent> = fc.tuple(anyEvent, content).map(([event, data]) => {
  const kept = Object.entries(event).filter(
    ([name, value]) => !FIXED.has(name) && /^[a-z]{1,20}$/.test(name) && !(name in Object.prototype) && value !== "",
  );
  const { id, type } = event;
  const source = `/${encodeURIComponent(event.source)}`;
  return {
    specversion: "1.0",
    id,
    source,
    type,
    time: "2026-01-31T12:00:00.123Z",
    ...Object.fromEntries(kept),
    ...data,
  };
});
const FIXED = new Set(["source", "time", "dataschema", "datacontenttype", "data"]);

/** An event of the SDK as we would write it: plain, bytes as `data`, a time in its spelling. */
function plain(event: Sdk): unknown {
  const { data_base64, ...rest } = { ...event } as Record<string, unknown>;
  const data = data_base64 === undefined ? rest.data : Buffer.from(data_base64 as string, "base64");
  return comparable(withoutUndefined({ ...rest, time: utc(rest.time), data }));
}

function ours(event: RawCloudEvent, time: unknown): unknown {
  return comparable(withoutUndefined({ ...event, time: utc(event.time ?? time) }));
}

function utc(time: unknown): unknown {
  const date = new Date(String(time));
  return Number.isNaN(date.getTime()) ? time : date.toISOString();
}

function withoutUndefined(event: object): object {
  return Object.fromEntries(Object.entries(event).filter(([, value]) => value !== undefined));
}

describe("the public SDK and this codec read each other", () => {
  test("structured JSON: ours read by the SDK", () => {
    fc.assert(
      fc.property(shared, (event) => {
        const { body, contentType } = codec.encode(event, { headers: false });
        const read = HTTP.toEvent({
          headers: { "content-type": contentType! },
          body: Buffer.from(body!).toString(),
        }) as Sdk;
        assert.deepEqual(plain(read), ours(event, read.time));
      }),
      { numRuns: 200 },
    );
  });

  test("structured JSON: the SDK's read by us", () => {
    fc.assert(
      fc.property(shared, (event) => {
        const sent = new CloudEvent(event as never);
        const { headers, body } = HTTP.structured(sent);
        const message = { id: "x", headers: headers as Record<string, string>, body: Buffer.from(body as string) };
        const { event: read } = codec.decode(message);
        assert.deepEqual(comparable({ ...read, time: utc(read.time) }), ours(event, sent.time));
      }),
      { numRuns: 200 },
    );
  });

  /** Kafka headers are text, and the SDK keeps no types; the record key it takes for `partitionkey`. */
  const texts = shared.filter((event) =>
    Object.values({ ...event, data: "" }).every((value) => typeof value === "string"),
  );

  test("Kafka binary: ours read by the SDK", () => {
    fc.assert(
      fc.property(texts, (event) => {
        const { key, headers, body, contentType } = codec.encode(event, { headers: true });
        const isJson = !(event.data instanceof Uint8Array);
        const value = isJson ? Buffer.from(body!).toString() : Buffer.from(body!);
        const sent = { ...headers, ...(contentType !== undefined && { "content-type": contentType }) };
        const read = Kafka.toEvent({ key, value, body: value, headers: sent } as never) as Sdk;
        const {
          data: _sdk,
          data_base64: _base64,
          datacontenttype: _type,
          ...attributes
        } = plain(read) as Record<string, unknown>;
        const {
          data: _ours,
          datacontenttype: _ourType,
          ...expected
        } = ours(event, read.time) as Record<string, unknown>;
        assert.deepEqual(attributes, expected);
        if (isJson && contentType === "application/json")
          assert.deepEqual(comparable(read.data), comparable(event.data));
      }),
      { numRuns: 200 },
    );
  });

  test("Kafka binary: the SDK's read by us", () => {
    fc.assert(
      fc.property(texts, (event) => {
        const sent = new CloudEvent(event as never);
        const { key, headers, value } = Kafka.binary(sent) as {
          key: string;
          headers: Record<string, string | undefined>;
          value: unknown;
        };
        const body = value instanceof Uint8Array ? value : Buffer.from(JSON.stringify(value));
        const message = { id: "x", key, headers: withoutUndefined(headers) as Record<string, string>, body };
        const { event: read } = codec.decode(message);
        assert.deepEqual(comparable({ ...read, time: utc(read.time) }), ours(event, sent.time));
      }),
      { numRuns: 200 },
    );
  });
});
