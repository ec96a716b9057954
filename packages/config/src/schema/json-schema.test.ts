import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { configJsonSchema } from "./json-schema.ts";

it("schema.json is up to date (pnpm --filter @waybill/config schema)", () => {
  const published: unknown = JSON.parse(readFileSync(new URL("../../schema.json", import.meta.url), "utf8"));
  expect(published).toEqual(configJsonSchema());
});
