import { expect, it } from "vitest";
import { createNames } from "./names.ts";

const plain = createNames({ prefix: undefined, names: {}, subscriptions: new Map() });

it("joins what no logical name contains, after the prefix", () => {
  expect(plain.topic("orders")).toBe("orders");
  expect(plain.topic("orders/billing")).toBe("orders--billing");
  expect(plain.topic("orders/billing/dead")).toBe("orders--billing--dead");
  expect(createNames({ prefix: "dev", names: {}, subscriptions: new Map() }).topic("orders")).toBe("dev--orders");
});

it("lengthens subscriptions that are too short, without meeting another", () => {
  expect([plain.subscription("orders", "a"), plain.subscription("orders", "sub-a")]).toEqual(["sub--a", "sub-a"]);
});

it("takes names by hand", () => {
  const names = createNames({
    prefix: undefined,
    subscriptions: new Map(),
    names: {
      orders: "Orders-1",
      "orders/billing": "Billing",
      "orders/billing/own": "own-topic",
      "orders/billing/dead": "grave",
    },
  });
  expect(names.topic("orders")).toBe("Orders-1");
  expect(names.subscription("orders", "billing")).toBe("Billing");
  expect(names.topic("orders/billing")).toBe("own-topic");
  expect(names.topic("orders/billing/dead")).toBe("grave");
  expect(names.subscription("orders/billing/dead", "billing")).toBe("billing");
});

it("refuses at construction what no topic can be called", () => {
  const by = (names: Record<string, string>) => () =>
    createNames({ prefix: undefined, names, subscriptions: new Map() });
  expect(by({ orders: "a/b" })).toThrow(/characters/);
  expect(by({ orders: "ab" })).toThrow(/shorter than 3/);
  expect(by({ orders: "o".repeat(51) })).toThrow(/50/);
  expect(by({ orders: "same", "orders/billing/dead": "same" })).toThrow(/same/);
  expect(by({ orders: "Same", "orders/billing/dead": "same" })).toThrow(/COLLISION/);
  expect(by({ "orders/billing/what": "x-1" })).toThrow(/names nothing/);
  expect(() => createNames({ prefix: "Dev", names: {}, subscriptions: new Map() }).topic("orders")).toThrow(/prefix/);
});

it("refuses logical names outside the grammar, and joined ones that are too long", () => {
  for (const topic of ["Orders", "a--b", "", "__proto__", "o r"]) expect(() => plain.topic(topic)).toThrow();
  expect(() => plain.topic("ab")).toThrow(/shorter/);
  expect(() => plain.topic(`${"t".repeat(40)}/${"s".repeat(40)}`)).toThrow(/82 characters/);
  expect(() => plain.subscription("orders", "Billing")).toThrow();
});

it("refuses two subscriptions of one topic by one name, for each event would go to one of them only", () => {
  const by = (names: Record<string, string>, ...declared: string[]) => {
    return () => createNames({ prefix: undefined, names, subscriptions: new Map([["orders", declared]]) });
  };
  expect(by({ "orders/billing": "Shared", "orders/mail": "shared" })).toThrow(/is that of orders\/mail too/);
  expect(by({ "orders/billing": "mail" }, "billing", "mail")).toThrow(/is that of/);
  expect(by({ "orders/billing": "sub--a" }, "a")).toThrow(/is that of/);
  expect(by({ "orders/billing": "mail", "audits/mail": "mail" }, "billing")).not.toThrow();
});
