import { expect, it } from "vitest";
import { toEvent } from "./mapping.ts";
import { batchSize } from "./message-size.ts";

it("counts the key once where a header has the name that it travels under", () => {
  const message = { id: "a", key: "k", body: null, headers: { wbkey: "of somebody else" } };
  expect(toEvent(message, "cloudEvents_").properties).toEqual({ wbkey: "k" });
  expect(batchSize(message, "cloudEvents_")).toBe(batchSize({ ...message, headers: {} }, "cloudEvents_"));
});
