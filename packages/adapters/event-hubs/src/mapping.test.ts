import type { ReceivedEventData } from "@azure/event-hubs";
import { describe, expect, it } from "vitest";
import { partitionKeyOf, toEvent, toMessage } from "./mapping.ts";

/** As the SDK hands an event over. */
function received(
  parts: Partial<ReceivedEventData> & { applicationProperties?: Record<string, unknown>; body?: unknown } = {},
): ReceivedEventData {
  const { applicationProperties, ...event } = parts;
  return {
    body: Buffer.from("{}"),
    sequenceNumber: 7,
    offset: "700",
    enqueuedTimeUtc: new Date(1_000),
    partitionKey: null,
    ...event,
    getRawAmqpMessage: () => ({ applicationProperties }),
  } as unknown as ReceivedEventData;
}

describe("toEvent", () => {
  it("renames CloudEvents attributes, and hides names that would not come back", () => {
    const headers = Object.fromEntries([
      ["ce_id", "a"],
      ["plain", Uint8Array.of(1, 2)],
      ["__proto__", "p"],
      ["cloudEvents_type", "not an attribute"],
      ["wb~__proto__", "q"],
    ]);
    const { properties } = toEvent({ id: "a", body: null, headers }, "cloudEvents_");
    expect(Object.entries(properties ?? {})).toEqual([
      ["cloudEvents_id", "a"],
      ["plain", Buffer.of(1, 2)],
      ["wb~__proto__", "p"],
      ["wb~cloudEvents_type", "not an attribute"],
      ["wb~wb~__proto__", "q"],
    ]);
    const back = toMessage(received({ applicationProperties: properties as Record<string, unknown> }), "0");
    expect(Object.entries(back.headers)).toEqual(Object.entries({ ...headers, plain: Buffer.of(1, 2) }));
  });

  it("writes the prefix that is asked for, and no message id that the SDK refuses", () => {
    const id = "i".repeat(129);
    const event = toEvent({ id, body: Buffer.from("x"), headers: { ce_id: id } }, "cloudEvents:");
    expect(event).toEqual({ body: Buffer.from("x"), properties: { "cloudEvents:id": id } });
    expect(toMessage(received({ applicationProperties: { "cloudEvents:id": id } }), "0").id).toBe(id);
  });

  it("sends the bytes of a view only", () => {
    const larger = Buffer.from("before{}after");
    expect(toEvent({ id: "a", body: larger.subarray(6, 8), headers: {} }, "cloudEvents_").body.toString()).toBe("{}");
  });

  it("refuses what the broker cannot do", () => {
    const later = { id: "a", body: null, headers: {}, notBefore: new Date() };
    expect(() => toEvent(later, "cloudEvents_")).toThrow(/WB_EVENT_HUBS_MESSAGE/);
  });
});

describe("toMessage", () => {
  it("reads the values of others as CloudEvents' canonical text", () => {
    const applicationProperties = {
      "cloudEvents:time": new Date(0),
      cloudEvents_count: 5,
      cloudEvents_flag: false,
      cloudEvents_none: null,
      bytes: Buffer.of(255),
      nested: { a: 1 },
      wrong: new Date(Number.NaN),
      ce_type: "by the Kafka endpoint",
    };
    expect(toMessage(received({ applicationProperties }), "0").headers).toEqual({
      ce_time: "1970-01-01T00:00:00.000Z",
      ce_count: "5",
      ce_flag: "false",
      bytes: Buffer.of(255),
      nested: '{"a":1}',
      ce_type: "by the Kafka endpoint",
    });
  });

  it.each([
    [Buffer.from("x"), "x"],
    ["text", "text"],
    [{ a: 1 }, '{"a":1}'],
    [[Buffer.from("a"), Buffer.from("b")], "ab"],
    [[1, 2], "[1,2]"],
    [5, "5"],
    [null, undefined],
    [undefined, undefined],
  ])("takes %o for a body", (body, text) => {
    const { body: bytes } = toMessage(received({ body }), "0");
    expect(bytes === null ? undefined : Buffer.from(bytes).toString()).toBe(text);
  });

  it("names what has no id by its place", () => {
    expect(toMessage(received(), "3")).toMatchObject({ id: "3/7", timeMs: 1_000, key: undefined });
    expect(toMessage(received({ messageId: "m" }), "3").id).toBe("m");
    expect(toMessage(received({ messageId: 5 as never }), "3").id).toBe("3/7");
  });

  it("gives a long key back whole, and believes the broker where the attribute says otherwise", () => {
    const key = "k".repeat(200);
    const partitionKey = partitionKeyOf(key) as string;
    expect(partitionKey.length).toBeLessThan(128);
    const applicationProperties = { cloudEvents_partitionkey: key };
    expect(toMessage(received({ partitionKey, applicationProperties }), "0").key).toBe(key);
    expect(toMessage(received({ partitionKey: "other", applicationProperties }), "0").key).toBe("other");
    expect(partitionKeyOf("short")).toBe("short");
    expect(partitionKeyOf("")).toBeUndefined();
  });
});
