import { expect, it } from "vitest";
import { open } from "./emulator-service-bus.fixture.ts";

// rhea, under the SDK, has room for 2 048 deliveries that are not settled, and tells the peer so by the window of its session.
// fidelity service-bus: the window of a session: nothing locked that the peer has no room for
it("locks no message that the peer has no room for", async () => {
  const { client, control } = await open();
  control.createQueue("q");
  const sender = client.createSender("q");
  for (let sent = 0; sent < 4_000; sent += 500)
    await sender.sendMessages(Array.from({ length: 500 }, (_, at) => ({ body: sent + at })));
  const receiver = client.createReceiver("q", { maxAutoLockRenewalDurationInMs: 0 });
  const held = await receiver.receiveMessages(3_000, { maxWaitTimeInMs: 2_000 });
  const locked = () => control.state("q").messages.filter(({ state }) => state === "locked").length;
  expect(held.length).toBeLessThanOrEqual(2_048);
  // What is not on its way to somebody is not locked, and does not count as a delivery when time passes.
  expect(locked()).toBe(held.length);
  control.advanceClock(120_000);
  expect(control.state("q").messages.filter(({ deliveryCount }) => deliveryCount > 0)).toHaveLength(held.length);
});
