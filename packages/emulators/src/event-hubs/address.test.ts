import { expect, it } from "vitest";
import { parseAddress } from "./address.ts";

it.each([
  ["orders", { kind: "hub", hub: "orders", partition: undefined }],
  ["orders/Partitions/3", { kind: "hub", hub: "orders", partition: "3" }],
  ["sb://localhost:5672/orders/partitions/3", { kind: "hub", hub: "orders", partition: "3" }],
  [
    "amqps://host/orders/consumergroups/$default/PARTITIONS/0",
    { kind: "reader", hub: "orders", group: "$default", partition: "0" },
  ],
  ["$management", { kind: "management" }],
  ["sb://host/orders/$Management", { kind: "management" }],
])("reads %s", (text, expected) => {
  expect(parseAddress(text)).toEqual(expected);
});

it.each(["", "sb://host/", "orders/", "orders/Queues/1", "orders/ConsumerGroups/a", "a/b/c/d/e/f"])(
  "refuses '%s'",
  (text) => {
    expect(() => parseAddress(text)).toThrow(expect.objectContaining({ condition: "amqp:not-allowed" }));
  },
);
