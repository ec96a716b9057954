import { describe, expect, it } from "vitest";
import { encodeOne } from "../../amqp/encode.ts";
import { entry } from "../../amqp/sections.ts";
import { Described, long } from "../../amqp/values.ts";
import { type Content, readContent } from "../broker/content.ts";
import { compileRule } from "./rule.ts";

function message(user: Record<string, unknown>, system: { subject?: string; sessionId?: string } = {}): Content {
  const properties = [
    "m-1",
    null,
    "there",
    system.subject,
    null,
    "c-1",
    null,
    null,
    null,
    null,
    system.sessionId ?? null,
  ];
  return readContent(
    Buffer.concat([
      encodeOne(new Described(0x73, properties)),
      encodeOne(new Described(0x74, new Map(Object.entries(user)))),
      encodeOne(new Described(0x75, Buffer.from("body"))),
    ]),
  );
}

const sql = (expression: string, action?: string) =>
  compileRule({ name: "r", filter: { kind: "sql", expression }, action }, 0);
const order = message(
  { color: "red", price: 10, weight: 2.5, big: long(2n ** 60n), urgent: true, "odd name": "x" },
  { subject: "Order" },
);

// fidelity service-bus: topics and subscriptions with SQL and correlation filters
describe("SQL filters", () => {
  it.each([
    ["1=1", true],
    ["color = 'red'", true],
    ["color = 'RED'", false],
    ["COLOR = 'red'", true],
    ["user.color <> 'blue'", true],
    ["price > 9 AND price <= 10", true],
    ["price * 2 + 1 = 21", true],
    ["price / 4 = 2", true],
    ["weight / 2 = 1.25", true],
    ["price % 3 = 1", true],
    ["-price < 0", true],
    ["big > 1152921504606846975", true],
    ["urgent", true],
    ["NOT urgent OR color = 'red'", true],
    ["urgent = TRUE", true],
    ["sys.Label = 'Order'", true],
    ["sys.label LIKE 'Or%'", true],
    ["sys.Subject LIKE '_rder'", true],
    ["color LIKE 'r[e]d'", false],
    ["color NOT LIKE 'b%'", true],
    ["color LIKE 'r!%d' ESCAPE '!'", false],
    ["color IN ('green', 'red')", true],
    ["color NOT IN ('green')", true],
    ["missing = 1", false],
    ["NOT (missing = 1)", false],
    ["missing <> 1", false],
    ["missing NOT IN (1)", false],
    ["color NOT IN ('green', missing)", false],
    ["missing IS NULL", true],
    ["color IS NOT NULL", true],
    ["EXISTS(color)", true],
    ["EXISTS(missing)", false],
    ["EXISTS(sys.SessionId)", false],
    ["missing = 1 OR color = 'red'", true],
    ["[odd name] = 'x'", true],
    ["\"odd name\" = 'x'", true],
    ["property('odd name') = 'x'", true],
    ["color = 'it''s'", false],
    ["color + 'dish' = 'reddish'", true],
    ["price = '10'", false],
    ["sys.MessageId = 'm-1' AND sys.CorrelationId = 'c-1' AND sys.To = 'there'", true],
    ["newid() IS NOT NULL", true],
  ])("%s is %s", (expression, expected) => {
    expect(sql(expression).matches(order)).toBe(expected);
  });

  it.each([
    ["color ="],
    ["color = 'red"],
    ["sys.Nothing = 1"],
    ["other.scope = 1"],
    ["color = 'a' color"],
    ["f(1) = 1"],
    ["LIKE 'a'"],
    ["(".repeat(400)],
    [`color = '${"x".repeat(1024)}'`],
  ])("refuses %s", (expression) => {
    expect(() => sql(expression)).toThrow(expect.objectContaining({ condition: "com.microsoft:argument-error" }));
  });

  it("has no value where there is none", () => {
    expect(() => sql("price / 0 = 1").matches(order)).toThrow(/Division by zero/);
    expect(() => sql("color + 1 = 2").matches(order)).toThrow(/does not go/);
  });

  it("takes no long time over a hostile pattern", () => {
    const text = message({ a: "a".repeat(5_000) });
    const start = performance.now();
    expect(sql(`a LIKE '${"%a".repeat(400)}b'`).matches(text)).toBe(false);
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});

describe("correlation filters", () => {
  const filter = (fields: object) => compileRule({ name: "r", filter: { kind: "correlation", filter: fields } }, 0);
  it("wants every field equal", () => {
    expect(filter({ subject: "Order" }).matches(order)).toBe(true);
    expect(filter({ subject: "order" }).matches(order)).toBe(false);
    expect(filter({ correlationId: "c-1", subject: "order" }).matches(order)).toBe(false);
    expect(filter({ subject: "Order", correlationId: "c-2" }).matches(order)).toBe(false);
    expect(filter({ properties: new Map<string, unknown>([["price", 10]]) }).matches(order)).toBe(true);
    expect(filter({ properties: new Map<string, unknown>([["price", "10"]]) }).matches(order)).toBe(false);
    expect(() => filter({})).toThrow(/at least one/);
  });
});

describe("actions", () => {
  const act = (action: string) => sql("1=1", action).apply!(order);
  it("set, compute and remove", () => {
    const after = act("SET price = price + 1; SET sys.Label = 'Done ' + color; SET fresh = 'y' REMOVE color");
    expect(after.sections.applicationProperties.get("price")?.value).toBe(11);
    expect(after.sections.applicationProperties.get("fresh")?.value).toBe("y");
    expect(after.sections.applicationProperties.has("color")).toBe(false);
    expect(after.properties[3]).toBe("Done red");
    expect(after.messageId).toBe("m-1");
    expect(order.sections.applicationProperties.get("color")).toEqual(entry("red"));
  });
  it("leave alone what nobody may change", () => {
    expect(() => act("SET sys.EnqueuedTimeUtc = 1")).toThrow(/cannot be changed/);
    expect(() => act("DELETE x")).toThrow(/not well formed/);
  });
});
