import { ServiceBusClient } from "service-bus-next";
import { expect, it, onTestFinished } from "vitest";
import { one, open } from "./emulator-service-bus.fixture.ts";

/** What was there before is from before: clients that name no moment name the present one, to the millisecond. */
async function nextMillisecond(): Promise<void> {
  const now = Date.now();
  while (Date.now() <= now) await new Promise((resolve) => setImmediate(resolve));
}

// fidelity service-bus: batch delete
it("deletes so many of the oldest messages, those before a moment, or all; never what is held", async () => {
  const { client, control, connectionString } = await open();
  control.createQueue("q");
  // The SDK's next version is the first with these calls.
  const next = new ServiceBusClient(connectionString, { retryOptions: { maxRetries: 0, timeoutInMs: 5_000 } });
  onTestFinished(() => next.close());
  const sender = client.createSender("q");
  const send = (count: number) => sender.sendMessages(Array.from({ length: count }, () => ({ body: "x" })));
  /** What is there, by its number in the queue. */
  const left = () => control.state("q").messages.map(({ sequenceNumber }) => sequenceNumber);
  await send(6);
  const receiver = next.createReceiver("q");

  await nextMillisecond();
  expect(await receiver.deleteMessages({ maxMessageCount: 2 })).toBe(2);
  expect(left()).toEqual([3, 4, 5, 6]);

  const moment = new Date();
  await send(2);
  const holder = client.createReceiver("q");
  const held = await one(holder);
  expect(await receiver.deleteMessages({ maxMessageCount: 10, beforeEnqueueTime: moment })).toBe(3);
  expect(left()).toEqual([3, 7, 8]);

  await nextMillisecond();
  expect(await receiver.purgeMessages()).toBe(2);
  expect(await receiver.deleteMessages({ maxMessageCount: 10 })).toBe(0);
  expect(left()).toEqual([3]);
  await holder.completeMessage(held);
  expect(left()).toEqual([]);
});
