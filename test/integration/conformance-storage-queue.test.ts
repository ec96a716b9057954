import { join } from "node:path";
import { QueueServiceClient } from "@azure/storage-queue";
import { type CapturedError, type Harness, realTime, runConformance } from "@waybill/conformance";
import { type Azurite, startAzurite } from "@waybill/emulators";
import { storageQueue } from "@waybill/storage-queue";
import { afterAll, beforeAll } from "vitest";

let azurite: Azurite;
let captured: readonly CapturedError[] = [];

beforeAll(async () => {
  azurite = await startAzurite();
  captured = await captureErrors(QueueServiceClient.fromConnectionString(azurite.connectionString));
});
afterAll(() => azurite?.stop());

/** Errors as the SDK really throws them. */
async function captureErrors(service: QueueServiceClient): Promise<readonly CapturedError[]> {
  const errorOf = (call: Promise<unknown>) =>
    call.then(
      () => new Error("This call was to fail."),
      (error: unknown) => error,
    );
  const queue = service.getQueueClient("conformance-errors");
  await queue.create();
  const sent = await queue.sendMessage("x");
  await queue.receiveMessages({ visibilityTimeout: 60 });
  const nobody = QueueServiceClient.fromConnectionString(
    "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;QueueEndpoint=http://127.0.0.1:1/a;",
    { retryOptions: { maxTries: 1 } },
  );
  return [
    {
      what: "a queue that does not exist",
      kind: "not-found",
      error: await errorOf(service.getQueueClient("absent").sendMessage("x")),
    },
    {
      what: "a message that was deleted",
      kind: "lost",
      error: await errorOf(queue.deleteMessage("00000000-0000-0000-0000-000000000000", sent.popReceipt)),
    },
    {
      what: "a receipt that is no longer right",
      kind: "lost",
      error: await errorOf(queue.deleteMessage(sent.messageId, sent.popReceipt)),
    },
    {
      what: "a message that is too large",
      kind: "too-large",
      error: await errorOf(queue.sendMessage("x".repeat(70_000))),
    },
    {
      what: "nobody at that address",
      kind: "transient",
      error: await errorOf(nobody.getQueueClient("absent").sendMessage("x")),
    },
  ];
}

runConformance<Harness>({
  name: "storage-queue",
  concurrent: true,
  harness: () => ({ time: realTime({ quietMs: 500, patienceMs: 30_000 }), captured }),
  // The shortest leases that a busy machine keeps, so that the cases which wait for their end are quick.
  open: ({ subscriptions }) =>
    storageQueue({ connectionString: azurite.connectionString, subscriptions, visibilityMs: 3_000, maxPollMs: 100 }),
  resultsDirectory: join(import.meta.dirname, "../../node_modules/.cache/waybill/conformance"),
});
