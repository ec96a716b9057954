import { createCodec, type OutboundMessage } from "@waybill/core/spi";
import { describe, expect, it } from "vitest";
import { addressed, toDocument, toMessage } from "./mapping.ts";

const codec = createCodec();
const event = { specversion: "1.0", id: "1", source: "/s", type: "t", data: { a: 1 } };
const message = (body: string | Uint8Array | null, more: Partial<OutboundMessage> = {}): OutboundMessage => ({
  id: "m-1",
  body: typeof body === "string" ? Buffer.from(body) : body,
  headers: {},
  ...more,
});
const jsonOf = (document: Uint8Array) => JSON.parse(Buffer.from(document).toString());
/** As the service hands it on: parsed and written again. */
const through = (sent: OutboundMessage) => toMessage(jsonOf(toDocument(sent)));
const textOf = ({ body }: { body: Uint8Array | null }) => Buffer.from(body!).toString();

describe("an event", () => {
  it("travels as it is", () => {
    const text = JSON.stringify(event);
    expect(Buffer.from(toDocument(message(text))).toString()).toBe(text);
    expect(textOf(through(message(text)))).toBe(text);
    expect(through(message(JSON.stringify({ ...event, partitionkey: "k" })))).toMatchObject({ id: "1", key: "k" });
  });

  it("that the codec has written is not read again, and another body in its place is", () => {
    const encoded = codec.encode(event as never, { headers: false });
    expect(toDocument(encoded)).toBe(encoded.body);
    const smuggled = { ...encoded, body: Buffer.concat([encoded.body!, Buffer.from(","), encoded.body!]) };
    expect(jsonOf(toDocument(smuggled))).toMatchObject({ type: "dev.waybill.message" });
  });

  it("is parsed once, and belongs to who reads it first: another reads the body", () => {
    const received = { ...event, wbattempt: "2", data: { a: [1] } };
    const arrived = toMessage(received, 3);
    const first = codec.decode(arrived);
    expect(first.event.data).toBe(received.data);
    expect(first).toEqual(codec.decode({ ...arrived, parsed: undefined }));
    (first.event.data as { a: unknown[] }).a.push(2);
    expect(codec.decode(arrived)).toEqual({ event: { ...event, data: { a: [1] } }, bookkeeping: { attempt: 4 } });
  });

  it.each<[string, string]>([
    ["no id", '{"specversion":"1.0","source":"/s","type":"t"}'],
    ["a version of the future", '{"specversion":"2.0","id":"1","source":"/s","type":"t"}'],
    ["__proto__ as a member", '{"specversion":"1.0","id":"1","source":"/s","type":"t","__proto__":{"a":1}}'],
    ["an attribute that is an object", '{"specversion":"1.0","id":"1","source":"/s","type":"t","a":{}}'],
    ["a number as subject", '{"specversion":"1.0","id":"1","source":"/s","type":"t","subject":1}'],
    ["data twice", '{"specversion":"1.0","id":"1","source":"/s","type":"t","data":1,"data_base64":"AA=="}'],
    ["bytes that are no base64", '{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":"%"}'],
    ["bytes that are no text", '{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":1}'],
    ["an array of two", '[{"specversion":"1.0"},{"specversion":"1.0"}]'],
  ])("with %s is refused as its bytes are", (_, text) => {
    const arrived = toMessage(JSON.parse(text));
    const refusal = () => {
      try {
        return codec.decode(arrived);
      } catch (error) {
        return (error as Error).message;
      }
    };
    const ofParsed = refusal();
    expect(ofParsed).toEqual(expect.any(String));
    expect(refusal()).toBe(ofParsed);
  });

  it("keeps a __proto__ within its data, whoever reads it", () => {
    const arrived = toMessage(
      JSON.parse('{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"__proto__":{"a":1}}}'),
    );
    for (const _ of ["parsed", "body"]) {
      const data = codec.decode(arrived).event.data as object;
      expect(Object.hasOwn(data, "__proto__")).toBe(true);
      expect(Object.getPrototypeOf(data)).toBe(Object.prototype);
    }
  });

  it("without data has some on its way, and none on arrival", () => {
    const { data: _, ...bare } = event;
    expect(jsonOf(toDocument(message(JSON.stringify(bare))))).toMatchObject({ data: null, wbnodata: true });
    expect(JSON.parse(textOf(through(message(JSON.stringify(bare)))))).toEqual(bare);
  });

  it("keeps data that is null, false, empty or bytes", () => {
    for (const data of [null, false, 0, "", [], {}]) {
      expect(JSON.parse(textOf(through(message(JSON.stringify({ ...event, data })))))).toEqual({ ...event, data });
    }
    const { data: _, ...bare } = event;
    const bytes = { ...bare, data_base64: "AP8=" };
    expect(JSON.parse(textOf(through(message(JSON.stringify(bytes)))))).toEqual(bytes);
  });

  it("gives a domain its topic as source, and has its own back in its place", () => {
    const sent = addressed(toDocument(message(JSON.stringify(event))), "orders");
    expect(jsonOf(sent).source).toBe("orders");
    expect(textOf(toMessage(jsonOf(sent)))).toBe(JSON.stringify(event));
  });

  it("counts an attempt that it carries on with its deliveries", () => {
    const carried = codec.withBookkeeping(message(JSON.stringify(event)), { attempt: 4 });
    const attempt = (deliveryCount: number) =>
      codec.decode(toMessage(jsonOf(toDocument(carried)), deliveryCount)).bookkeeping.attempt;
    expect([attempt(1), attempt(2), attempt(5)]).toEqual([4, 5, 8]);
  });
});

describe("what is no event", () => {
  it.each([
    ["bytes", Uint8Array.of(0xff, 0, 0x7b)],
    ["no bytes", ""],
    ["JSON of another kind", '{"a":1}'],
    ["JSON that is written differently", '{ "a" : 1e2 }'],
    ["an array", "[1,2]"],
    ["null", "null"],
    ["two documents", `${JSON.stringify(event)},${JSON.stringify(event)}`],
    ["an event of another version", JSON.stringify({ ...event, specversion: "0.3" })],
    ["an event without an id", JSON.stringify({ ...event, id: "" })],
    ["a byte order mark", "\ufeff{}"],
  ])("%s: arrives byte for byte, inside one", (_what, body) => {
    const sent = message(body, { key: "k", contentType: "x/y" });
    const document = jsonOf(toDocument(sent));
    expect(document).toMatchObject({ specversion: "1.0", id: "m-1", type: "dev.waybill.message" });
    const arrived = through(sent);
    expect(Buffer.compare(arrived.body!, sent.body!)).toBe(0);
    expect(arrived).toMatchObject({ id: "m-1", key: "k", contentType: "x/y", headers: {} });
  });

  it("stays readable where it is JSON", () => {
    expect(jsonOf(toDocument(message('{"a":1}'))).data).toEqual({ a: 1 });
  });

  it("is refused where it could not arrive whole", () => {
    expect(() => toDocument(message(null))).toThrow(/no body/);
    expect(() => toDocument(message("{}", { headers: { a: "b" } }))).toThrow(/headers \(a\)/);
  });
});
