import { describe, expect, it } from "vitest";
import { acceptEvent, type EventSchema } from "../events/accepted-event.ts";
import { parseJson } from "../events/parse-json.ts";
import type { AdvancedFilter } from "./advanced-filter.ts";
import { checkFilter, type EventFilter, matches } from "./event-filter.ts";

const cloudEvent = (more: object = {}) => ({
  specversion: "1.0",
  id: "1",
  source: "/s",
  type: "Order.Placed",
  ...more,
});
const pass = (filter: EventFilter, attributes: object, schema: EventSchema = "CloudEventSchemaV1_0") =>
  matches(filter, acceptEvent(schema, attributes as Record<string, unknown>, 0));
const data = (operatorType: string, operand: object, value: unknown, more: EventFilter = {}) =>
  pass(
    { ...more, advancedFilters: [{ operatorType, key: "data.k", ...operand } as AdvancedFilter] },
    cloudEvent({ data: value === undefined ? {} : { k: value } }),
  );

// fidelity event-grid: filters: basic and advanced
describe("basic filters", () => {
  it("compares types without case, and takes All for every type", () => {
    expect(pass({ includedEventTypes: ["order.placed"] }, cloudEvent())).toBe(true);
    expect(pass({ includedEventTypes: ["order.paid"] }, cloudEvent())).toBe(false);
    expect(pass({ includedEventTypes: ["All"] }, cloudEvent())).toBe(true);
  });

  it("looks at both ends of the subject, without case unless asked", () => {
    const event = cloudEvent({ subject: "/A/b.JPG" });
    expect(pass({ subjectBeginsWith: "/a/", subjectEndsWith: ".jpg" }, event)).toBe(true);
    expect(pass({ subjectBeginsWith: "/a/", isSubjectCaseSensitive: true }, event)).toBe(false);
    expect(pass({ subjectEndsWith: ".png" }, event)).toBe(false);
    expect(pass({ subjectBeginsWith: "/a/" }, cloudEvent())).toBe(false);
  });
});

describe("advanced filters", () => {
  // Operator, operand, a value that matches, one that does not; then what a missing key does.
  it.each<[string, object, unknown, unknown, boolean]>([
    ["NumberIn", { values: [5, 1] }, 1, 2, false],
    ["NumberNotIn", { values: [5, 1] }, 2, 1, true],
    ["NumberLessThan", { value: 5 }, 4, 5, false],
    ["NumberLessThanOrEquals", { value: 5 }, 5, 6, false],
    ["NumberGreaterThan", { value: 5 }, 6, 5, false],
    ["NumberGreaterThanOrEquals", { value: 5 }, 5, 4, false],
    [
      "NumberInRange",
      {
        values: [
          [1, 2],
          [5, 6],
        ],
      },
      6,
      3,
      false,
    ],
    [
      "NumberNotInRange",
      {
        values: [
          [1, 2],
          [5, 6],
        ],
      },
      3,
      5,
      true,
    ],
    ["BoolEquals", { value: false }, false, true, false],
    ["StringIn", { values: ["Ab", "c"] }, "aB", "abc", false],
    ["StringNotIn", { values: ["Ab", "c"] }, "abc", "AB", true],
    ["StringContains", { values: ["BC", "x"] }, "abcd", "acd", false],
    ["StringNotContains", { values: ["BC", "x"] }, "acd", "abcd", false],
    ["StringBeginsWith", { values: ["AB", "x"] }, "abc", "cab", false],
    ["StringNotBeginsWith", { values: ["AB", "x"] }, "cab", "abc", false],
    ["StringEndsWith", { values: ["BC", "x"] }, "abc", "bca", false],
    ["StringNotEndsWith", { values: ["BC", "x"] }, "bca", "abc", false],
    ["IsNullOrUndefined", {}, null, 0, true],
    ["IsNotNull", {}, 0, null, false],
  ])("%s", (operator, operand, hit, miss, whenAbsent) => {
    expect(data(operator, operand, hit)).toBe(true);
    expect(data(operator, operand, miss)).toBe(false);
    expect(data(operator, operand, undefined)).toBe(whenAbsent);
  });

  it("needs every filter to match, and any value of one", () => {
    const both = (a: number, b: string) =>
      pass(
        {
          advancedFilters: [
            { operatorType: "NumberGreaterThan", key: "data.a", value: 1 },
            { operatorType: "StringIn", key: "data.b", values: ["x", "y"] },
          ],
        },
        cloudEvent({ data: { a, b } }),
      );
    expect([both(2, "y"), both(2, "z"), both(1, "y")]).toEqual([true, false, false]);
  });

  it("looks into arrays only when asked, and ignores members of another type", () => {
    const inArrays = { enableAdvancedFilteringOnArrays: true };
    expect(data("StringIn", { values: ["a"] }, ["a"])).toBe(false);
    expect(data("StringIn", { values: ["a"] }, [1, "a"], inArrays)).toBe(true);
    expect(data("NumberNotIn", { values: [1] }, ["1", 2], inArrays)).toBe(true);
    expect(data("NumberNotIn", { values: [1] }, [2, 1], inArrays)).toBe(false);
  });

  it("knows the service's names, extension attributes and nested data", () => {
    const one = (key: string, values: string[], attributes: object, schema?: EventSchema) =>
      pass({ advancedFilters: [{ operatorType: "StringIn", key, values }] }, attributes, schema);
    const event = cloudEvent({ subject: "s", ext: 5, data: { a: { b: "deep" } } });
    expect(one("EventType", ["order.placed"], event)).toBe(true);
    expect(one("Source", ["/s"], event)).toBe(true);
    expect(one("data.a.b", ["deep"], event)).toBe(true);
    expect(one("ext", ["5"], event)).toBe(true);
    expect(one("data.__proto__.b", ["deep"], event)).toBe(false);
    const old = { id: "1", eventType: "T", subject: "s", eventTime: "2026-01-01", dataVersion: "2", data: {} };
    expect(one("EventType", ["t"], old, "EventGridSchema")).toBe(true);
    expect(one("DataVersion", ["2"], old, "EventGridSchema")).toBe(true);
  });

  it("compares numbers that are kept as they were written", () => {
    const attributes = parseJson(`{"type":"t","data":{"k":12345678901234567890}}`) as object;
    const filter = { advancedFilters: [{ operatorType: "NumberGreaterThan", key: "data.k", value: 1e19 } as const] };
    expect(pass(filter, attributes)).toBe(true);
  });

  it("refuses what the service does not create", () => {
    const refuse = (advancedFilters: unknown) => () =>
      checkFilter({ advancedFilters: advancedFilters as AdvancedFilter[] });
    const many = (count: number) => Array.from({ length: count }, () => 1);
    const filter = { operatorType: "NumberIn", key: "data.k" };
    expect(refuse([{ ...filter, values: many(26) }])).toThrow(/25/);
    expect(refuse(many(26).map(() => ({ operatorType: "IsNotNull", key: "data.k" })))).toThrow(/25/);
    expect(refuse([{ operatorType: "toString", key: "data.k" }])).toThrow(/operator/);
    expect(refuse([{ ...filter, values: ["1"] }])).toThrow(/number/);
    expect(refuse([{ operatorType: "StringIn", key: "k", values: ["x".repeat(513)] }])).toThrow(/512/);
  });
});
