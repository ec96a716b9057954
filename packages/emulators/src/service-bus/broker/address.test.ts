import { expect, it } from "vitest";
import { parseAddress } from "./address.ts";

const main = { subscription: undefined, store: "main", isManagement: false };

it.each([
  ["orders", { ...main, name: "orders" }],
  ["sb://localhost:5672/Orders/new", { ...main, name: "Orders/new" }],
  ["amqps://h/orders/$management", { ...main, name: "orders", isManagement: true }],
  ["orders/$DeadLetterQueue", { ...main, name: "orders", store: "dead-letter" }],
  ["orders/$deadletterqueue/$management", { ...main, name: "orders", store: "dead-letter", isManagement: true }],
  ["orders/$Transfer/$DeadLetterQueue", { ...main, name: "orders", store: "transfer-dead-letter" }],
  ["t/Subscriptions/s", { ...main, name: "t", subscription: "s" }],
  ["a/b/subscriptions/s/$DeadLetterQueue", { ...main, name: "a/b", subscription: "s", store: "dead-letter" }],
  [
    "t/Subscriptions/s/$DeadLetterQueue/Subscriptions/s",
    { ...main, name: "t", subscription: "s", store: "dead-letter" },
  ],
  ["subscriptions/s", { ...main, name: "subscriptions/s" }],
])("reads %s", (text, address) => {
  expect(parseAddress(text)).toEqual(address);
});
