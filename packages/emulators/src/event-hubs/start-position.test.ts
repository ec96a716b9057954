import { describe, expect, it } from "vitest";
import { parseStartPosition } from "./start-position.ts";

describe("parseStartPosition", () => {
  it.each([
    ["amqp.annotation.x-opt-offset > '-1'", { kind: "earliest" }],
    ["amqp.annotation.x-opt-offset > '@latest'", { kind: "latest" }],
    ["amqp.annotation.x-opt-offset >= '120'", { kind: "offset", value: 120, inclusive: true }],
    ["amqp.annotation.x-opt-sequence-number > '7'", { kind: "sequenceNumber", value: 7, inclusive: false }],
    ["amqp.annotation.x-opt-enqueued-time > '1700000000000'", { kind: "enqueuedAt", value: 1.7e12, inclusive: false }],
    [undefined, { kind: "earliest" }],
  ])("reads %s", (selector, expected) => {
    expect(parseStartPosition(selector)).toEqual(expected);
  });

  it.each(["", "x > 1", "amqp.annotation.x-opt-offset < '1'", "amqp.annotation.x-opt-sequence-number > 'a'"])(
    "refuses '%s'",
    (selector) => {
      expect(() => parseStartPosition(selector)).toThrow(expect.objectContaining({ condition: "amqp:invalid-field" }));
    },
  );
});
