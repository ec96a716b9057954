import { expect, it } from "vitest";
import { eventHubs } from "./adapter.ts";
import { createHubNames } from "./names.ts";
import { checkOptions, type EventHubsOptions } from "./options.ts";

it("has the defaults that the docstrings state", () => {
  expect(checkOptions({ connectionString: "x" })).toMatchObject({
    retryHubs: false,
    createContainer: true,
    attributePrefix: "cloudEvents_",
    partitioner: "client",
    partitionBatch: 100,
    loadBalancing: {
      strategy: "greedy",
      updateIntervalInMs: 10_000,
      partitionOwnershipExpirationIntervalInMs: 60_000,
    },
    requestTimeoutMs: 30_000,
  });
});

it.each<[object | null, RegExp]>([
  [null, /is missing/],
  [{ retryHub: true }, /retryHub does not exist; there are .*retryHubs/],
  [{ partitionBatch: 0 }, /partitionBatch must be a whole number/],
  [{ strategy: "quick" }, /strategy must be/],
  [{ updateIntervalMs: 10 }, /updateIntervalMs must be between 100 and 60000/],
  [{ updateIntervalMs: 10_000, ownershipMs: 15_000 }, /ownershipMs must be at least twice/],
  [{ partitioner: "kafka" }, /partitioner must be/],
  [{ attributePrefix: "ce-" }, /attributePrefix must be/],
  [{ retryHubs: "yes" }, /retryHubs must be true or false/],
  [{ subscriptions: { orders: "billing" } }, /subscriptions.orders must be a list/],
  [{ subscriptions: { Orders: [] } }, /Orders/],
  [{ prefix: "a.b" }, /a\.b/],
  [{ connectionString: "x", requestTimeoutMs: Number.NaN }, /requestTimeoutMs/],
])("refuses %o", (options, message) => {
  expect(() => eventHubs(options as EventHubsOptions)).toThrow(message);
});

const namesOf = (more: Partial<EventHubsOptions> = {}) => createHubNames(checkOptions(more));

it("names hubs and groups", () => {
  const names = namesOf({
    prefix: "dev",
    names: { invoices: "Invoices_v2" },
    consumerGroups: { "orders/mail": "$Default" },
  });
  expect(names.hub("orders")).toBe("dev.orders");
  expect(names.hub("orders/billing/dead")).toBe("dev.orders.billing.dead");
  expect(names.hub("invoices")).toBe("Invoices_v2");
  expect(names.group({ topic: "orders", subscription: "billing" })).toBe("billing");
  expect(names.group({ topic: "orders", subscription: "mail" })).toBe("$Default");
  expect(names.group({ topic: "orders/billing/dead", subscription: "billing" })).toBe("$Default");
});

it.each<[Partial<EventHubsOptions>, RegExp]>([
  [{ names: { orders: "../x" } }, /WB_EVENT_HUBS_NAME/],
  [{ names: { orders: "a/b" } }, /WB_EVENT_HUBS_NAME/],
  [{ names: { orders: "x".repeat(257) } }, /WB_NAME_TOO_LONG/],
  [{ consumerGroups: { "orders/billing": "g".repeat(51) } }, /WB_EVENT_HUBS_NAME/],
  [{ consumerGroups: { "orders/mail": "Billing" } }, /is that of orders\/mail too/],
])("refuses the names of %o", (options, message) => {
  expect(() => {
    const names = namesOf(options);
    return [names.hub("orders"), names.group({ topic: "orders", subscription: "billing" })];
  }).toThrow(message);
});

it.each<[Partial<EventHubsOptions>, RegExp]>([
  [{ names: { orders: "Shared", invoices: "shared" } }, /COLLISION/],
  [{ names: { invoices: "orders" } }, /COLLISION/],
  [{ names: { invoices: "orders.billing.dead" } }, /COLLISION/],
  [{ names: { invoices: "a b" } }, /WB_EVENT_HUBS_NAME/],
  [{ subscriptions: { constructor: ["billing"] } }, /WB_EVENT_HUBS_NAME.*set another in names/],
  [{ names: { invoices: "toString" } }, /WB_EVENT_HUBS_NAME.*set another in names/],
  [{ consumerGroups: { "orders/billing": "mail" } }, /is that of/],
])("refuses %o at construction, where it is too early to lose anything", (options, message) => {
  expect(() => namesOf({ subscriptions: { orders: ["billing", "mail"] }, ...options })).toThrow(message);
});
