import { expect, it } from "vitest";
import { statusKind } from "./status-kind.ts";

it.each([
  [400, "invalid"],
  [401, "unauthorized"],
  [403, "unauthorized"],
  [404, "not-found"],
  [408, "transient"],
  [409, "invalid"],
  [413, "too-large"],
  [429, "throttled"],
  [500, "transient"],
  [503, "transient"],
])("takes %i for %s", (status, kind) => {
  expect(statusKind(status)).toBe(kind);
});
