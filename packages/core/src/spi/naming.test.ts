import { describe, expect, it } from "vitest";
import { checkLogicalName, createNaming } from "./naming.ts";

describe("checkLogicalName", () => {
  it.each(["orders", "order-events", "a", "0", "a".repeat(50)])("takes %s", (name) => {
    expect(() => checkLogicalName("topic", name)).not.toThrow();
  });

  it.each(["", "Orders", "a--b", "-a", "a-", "a.b", "a/b", "a b", "ä", "__proto__", "a".repeat(51), "a\n"])(
    "refuses %j",
    (name) => {
      expect(() => checkLogicalName("topic", name)).toThrow(/WB_NAME_INVALID/);
    },
  );
});

describe("createNaming", () => {
  const rule = { entity: "queue", maxLength: 63 };

  it("joins with the separator, prefix first", () => {
    const name = createNaming({ ...rule, separator: ".", prefix: "dev" });
    expect(name("orders/billing/dead")).toBe("dev.orders.billing.dead");
  });

  it("keeps names apart by a hash where there is no separator", () => {
    const name = createNaming(rule);
    expect(name("orders/eu-billing")).not.toBe(name("orders-eu/billing"));
    expect(name("orders/eu-billing")).toMatch(/^orders-eu-billing-[0-9a-f]{6}$/);
    expect(name("orders")).toBe("orders");
  });

  it("answers the same name every time", () => {
    const name = createNaming(rule);
    expect(name("orders/billing")).toBe(name("orders/billing"));
  });

  it("takes physical names set by hand, and sees a collision with them", () => {
    const name = createNaming({ ...rule, separator: ".", names: { orders: "legacy", "orders/billing": "legacy" } });
    expect(name("orders")).toBe("legacy");
    expect(() => name("orders/billing")).toThrow(/WB_NAME_COLLISION/);
  });

  it("sees names that differ in case alone as one where the broker does", () => {
    const names = { orders: "Legacy", invoices: "legacy" };
    const name = createNaming({ ...rule, names, ignoreCase: true });
    expect(name("orders")).toBe("Legacy");
    expect(() => name("invoices")).toThrow(/WB_NAME_COLLISION/);
    const exact = createNaming({ ...rule, names });
    expect([exact("orders"), exact("invoices")]).toEqual(["Legacy", "legacy"]);
  });

  it("refuses a name by hand that is no text", () => {
    expect(() => createNaming({ ...rule, names: { orders: 5 as unknown as string } })).toThrow(
      /names\["orders"\] must be text/,
    );
  });

  it("refuses what is too long, and says how long it is", () => {
    const name = createNaming({ ...rule, maxLength: 10, separator: "." });
    expect(() => name("orders/billing")).toThrow(/WB_NAME_TOO_LONG.*14 characters.*10/);
  });

  it("looks names up safely", () => {
    expect(() => createNaming({ ...rule, names: {} })("__proto__")).toThrow(/WB_NAME_INVALID/);
    expect(createNaming({ ...rule, names: {} })("constructor")).toBe("constructor");
  });
});
