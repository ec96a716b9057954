import { expect, it } from "vitest";
import { createQueueNames } from "./queue-names.ts";

const names = (
  options: { prefix?: string; names?: Record<string, string>; subscriptions?: Record<string, string[]> } = {},
) =>
  createQueueNames({
    prefix: options.prefix,
    names: options.names ?? {},
    subscriptions: new Map(Object.entries(options.subscriptions ?? {})),
  });

it("derives a queue for each subscription, with its dead letters beside it", () => {
  const queueOf = names({ prefix: "dev" });
  const own = queueOf("orders/billing");
  expect(own).toMatch(/^dev-orders-billing-[0-9a-f]{6}$/);
  expect(queueOf("orders/billing/dead")).toBe(`${own}-poison`);
});

it("keeps names apart that join to the same text", () => {
  const queueOf = names();
  expect(queueOf("a-b/c")).not.toBe(queueOf("a/b-c"));
});

it("takes names by hand, and makes the dead-letter queue's from them", () => {
  const queueOf = names({ names: { "orders/billing": "legacy", "orders/mail/dead": "mail-dead" } });
  expect(queueOf("orders/billing")).toBe("legacy");
  expect(queueOf("orders/billing/dead")).toBe("legacy-poison");
  expect(queueOf("orders/mail/dead")).toBe("mail-dead");
});

it.each([
  ["too short", { "a/b": "ab" }, "shorter than 3"],
  ["no queue name", { "a/b": "A_B" }, "do not take"],
  ["two hyphens", { "a/b": "a--b" }, "do not take"],
  ["too long for its poison queue", { "a/b": "x".repeat(60) }, "longer than 63"],
  ["taken twice", { "a/b": "same", "a/c": "same" }, "same"],
  ["another's poison queue", { "a/b": "one", "a/c": "one-poison" }, "already that of a/b/dead"],
  ["its own poison queue", { "a/b": "one", "a/b/dead": "one" }, "already that of a/b/dead"],
  ["a topic alone", { a: "queue" }, "topic/subscription"],
  ["an unknown kind", { "a/b/retry": "queue" }, "topic/subscription"],
])("refuses a name by hand: %s", (_name, byHand, said) => {
  expect(() => names({ names: byHand as Record<string, string> })).toThrow(said);
});

it("refuses at construction what a declared subscription cannot have", () => {
  const long = "x".repeat(45);
  expect(() => names({ subscriptions: { [long]: ["billing"] } })).toThrow("63");
  expect(() => names()("Orders/billing")).toThrow("WB_NAME_INVALID");
});
