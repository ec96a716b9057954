import { createCodec } from "@waybill/core/spi";
import { expect, it } from "vitest";
import { readEvents } from "./read-events.ts";

const codec = createCodec();
const read = (body: unknown, contentType = "application/json", headers: Record<string, string> = {}) =>
  readEvents({
    contentType,
    headers: Object.entries(headers),
    bytes: typeof body === "string" ? Buffer.from(body) : Buffer.from(JSON.stringify(body)),
  });
const cloud = { specversion: "1.0", id: "1", source: "/s", type: "t", data: [1] };

it("reads one CloudEvent, and a batch", () => {
  expect(read(cloud, "application/cloudevents+json").map((one) => codec.decode(one).event)).toEqual([cloud]);
  const batch = [cloud, { ...cloud, id: "2" }];
  expect(read(batch, "application/cloudevents-batch+json").map((one) => codec.decode(one).event)).toEqual(batch);
});

it("makes CloudEvents of the Event Grid schema, as the service does", () => {
  const event = {
    id: "1",
    topic: "/subscriptions/x",
    subject: "",
    eventType: "t",
    eventTime: "2026-01-01T00:00:00Z",
    data: "d",
    dataVersion: "",
  };
  expect(codec.decode(read([event])[0]!).event).toEqual({
    specversion: "1.0",
    id: "1",
    source: "/subscriptions/x",
    type: "t",
    time: "2026-01-01T00:00:00Z",
    data: "d",
  });
});

it("reads binary mode, percent-encoded", () => {
  const headers = {
    "ce-specversion": "1.0",
    "ce-id": "1",
    "ce-source": "/s",
    "ce-type": "t",
    "ce-subject": "%C3%BC",
    "ce-partitionkey": "k",
    other: "x",
  };
  const [message] = read('{"a":1}', "application/json", headers);
  expect(message).toMatchObject({ id: "1", key: "k" });
  expect(codec.decode(message!).event).toMatchObject({ subject: "ü", partitionkey: "k", data: { a: 1 } });
});

it("keeps what is no event as one message, byte for byte, each of a batch by itself", () => {
  const [odd] = read("{no json");
  expect(Buffer.from(odd!.body!).toString()).toBe("{no json");
  const mixed = read([cloud, 7]);
  expect(mixed).toHaveLength(2);
  expect(() => codec.decode(mixed[1]!)).toThrow(/WB_EVENT_UNDECODABLE/);
  expect(read("[]")).toHaveLength(1);
});
