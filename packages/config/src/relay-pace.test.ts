import { expect, it } from "vitest";
import { paceBy } from "./relay-pace.ts";
import type { ResolvedConfig } from "./resolve-config.ts";

const config = {
  topics: { orders: { broker: "main", subscriptions: { billing: {}, audit: {} } } },
} as unknown as ResolvedConfig;

it("holds back while any subscription has more waiting, and asks the broker now and then only", async () => {
  const waiting: Record<string, number> = { billing: 5, audit: 11 };
  let asked = 0;
  let now = 0;
  const bus = {
    backlog: async (_: unknown, subscription: string) => {
      asked++;
      return { events: waiting[subscription] ?? 0 };
    },
  };
  const pace = paceBy(bus, config, 10, () => now);
  expect(await pace()).toBe(false);
  waiting.audit = 10;
  expect([await pace(), asked]).toEqual([false, 2]);
  now += 1_000;
  expect([await pace(), asked]).toEqual([true, 4]);
});

it("is not held back by a broker that cannot say", async () => {
  const bus = {
    backlog: async (_: unknown, subscription: string) => {
      if (subscription === "billing") throw new Error("down");
      return undefined;
    },
  };
  expect(await paceBy(bus, config, 1)()).toBe(true);
});
