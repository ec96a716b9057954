import { RestError } from "@azure/storage-queue";
import { expect, it } from "vitest";
import { classify } from "./classify.ts";
import { Receipts } from "./receipts.ts";

const item = {
  messageId: "m-1",
  popReceipt: "r1",
  messageText: "{}",
  dequeueCount: 3,
  insertedOn: new Date(1_000),
  expiresOn: new Date(2_000),
  nextVisibleOn: new Date(2_000),
};
const hold = () => {
  const receipts = new Receipts({ name: "q" });
  return { receipts, delivery: receipts.hold(item, "base64", 31_000) };
};
const mismatch = () => new RestError("no", { statusCode: 400, code: "PopReceiptMismatch" });

it("makes a delivery of an item", () => {
  const { delivery } = hold();
  expect(delivery).toMatchObject({ deliveryCount: 3, leaseUntil: new Date(31_000), raw: item });
  expect(delivery.message).toMatchObject({ id: "m-1", timeMs: 1_000, headers: {} });
});

it("lets one call at a time use a delivery, each with the receipt that the one before got", async () => {
  const { receipts, delivery } = hold();
  const seen: string[] = [];
  let running = 0;
  const job = (next: string | undefined) => async (receipt: string) => {
    expect(++running).toBe(1);
    seen.push(receipt);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
    return { receipt: next, value: undefined };
  };
  await Promise.all([
    receipts.use(delivery, "a", job("r2")),
    receipts.use(delivery, "b", job("r3")),
    receipts.use(delivery, "c", job(undefined)),
  ]);
  expect(seen).toEqual(["r1", "r2", "r3"]);
});

it("calls nothing for a delivery that was settled, or is somebody else's", async () => {
  const { receipts, delivery } = hold();
  await receipts.use(delivery, "a", async () => ({ receipt: undefined, value: undefined }));
  const never = () => expect.unreachable();
  for (const given of [delivery, hold().delivery]) {
    const error = await receipts.use(given, "b", never).catch((thrown: unknown) => thrown);
    expect(classify(error)).toBe("lost");
  }
  expect(delivery.lost.aborted).toBe(false);
});

it("aborts `lost` when the broker says so, whether it was asked for before or after", async () => {
  for (const before of [true, false]) {
    const { receipts, delivery } = hold();
    const asked = before ? delivery.lost : undefined;
    await expect(receipts.use(delivery, "a", () => Promise.reject(mismatch()))).rejects.toThrow("PopReceiptMismatch");
    expect((asked ?? delivery.lost).aborted).toBe(true);
    expect(delivery.lost).toBe(delivery.lost);
  }
});

it("keeps the receipt when a call failed in passing", async () => {
  const { receipts, delivery } = hold();
  const failing = receipts.use(delivery, "a", () => Promise.reject(new RestError("no", { statusCode: 503 })));
  await expect(failing).rejects.toThrow("503");
  const value = await receipts.use(delivery, "b", async (receipt) => ({ receipt: undefined, value: receipt }));
  expect(value).toBe("r1");
});
