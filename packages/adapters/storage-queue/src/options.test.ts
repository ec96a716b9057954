import { expect, it } from "vitest";
import { checkOptions, type StorageQueueOptions } from "./options.ts";

const check = (options: object) => checkOptions(options as StorageQueueOptions);

it("has the documented defaults", () => {
  expect(check({})).toMatchObject({
    encoding: "base64",
    visibilityMs: 30_000,
    messageTtlMs: undefined,
    createQueues: true,
    maxPollMs: 2_000,
    requestTimeoutMs: 30_000,
    sendConcurrency: 16,
    settleConcurrency: 16,
  });
});

it("rounds the lease up to whole seconds, and takes -1 for ever", () => {
  expect(check({ visibilityMs: 1_001 }).visibilityMs).toBe(2_000);
  expect(check({ messageTtlMs: -1 }).messageTtlMs).toBeUndefined();
  expect(check({ messageTtlMs: 5_000 }).messageTtlMs).toBe(5_000);
});

it.each([
  [{ visibilitymS: 1_000 }, "visibilitymS does not exist"],
  [{ visibilityMs: 999 }, "visibilityMs"],
  [{ visibilityMs: "30s" }, "visibilityMs"],
  [{ visibilityMs: 8 * 86_400_000 }, "visibilityMs"],
  [{ messageTtlMs: 0 }, "messageTtlMs"],
  [{ maxPollMs: Number.NaN }, "maxPollMs"],
  [{ requestTimeoutMs: 0 }, "requestTimeoutMs"],
  [{ requestTimeoutMs: Number.POSITIVE_INFINITY }, "requestTimeoutMs"],
  [{ sendConcurrency: 0 }, "sendConcurrency"],
  [{ settleConcurrency: 1.5 }, "settleConcurrency"],
  [{ encoding: "hex" }, "encoding"],
  [{ createQueues: "yes" }, "createQueues"],
  [{ prefix: "Dev" }, "WB_NAME_INVALID"],
  [{ subscriptions: { orders: "billing" } }, "subscriptions.orders"],
  [{ subscriptions: { orders: ["billing", "billing"] } }, "twice"],
  [{ subscriptions: { orders: ["Billing"] } }, "WB_NAME_INVALID"],
])("refuses %j", (options, said) => {
  expect(() => check(options)).toThrow(said);
});
