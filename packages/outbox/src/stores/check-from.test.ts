import { expect, test } from "vitest";
import { mysql } from "./mysql/index.ts";
import { postgres } from "./postgres/index.ts";
import { sqlite } from "./sqlite/index.ts";

test.each([
  ["postgres", () => postgres({ connectionString: "postgres://app@127.0.0.1:1/shop" })],
  ["mysql", () => mysql({ url: "mysql://app@127.0.0.1:1/shop" })],
  ["sqlite", () => sqlite({ path: "nowhere.db" })],
])("%s prints no statements from a version that there is not, and none from the newest", (_, open) => {
  const { migrations } = open();
  const steps = (sql: string) => [...sql.matchAll(/^-- version (\d+)$/gm)].map(([, version]) => Number(version));
  const newest = Math.max(...steps(migrations.sql()));
  expect(newest).toBeGreaterThan(0);
  expect(steps(migrations.sql(newest))).toEqual([]);
  for (const from of [newest + 1, 99, -1, 0.5, Number.NaN]) {
    expect(() => migrations.sql(from)).toThrow(expect.objectContaining({ code: "WB_STORE_SCHEMA_FROM" }));
  }
});
