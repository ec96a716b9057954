import { once } from "node:events";
import rhea, { type Receiver, type Sender } from "rhea-emulator";
import { expect, it, onTestFinished } from "vitest";
import { createClock } from "../../clock.ts";
import { startServiceBusEmulator } from "../start.ts";

// fidelity service-bus: links that are idle for ten minutes are detached, by the emulator's clock
it("lets go of a sender and a receiver on which nothing came or went for ten minutes", async () => {
  const clock = createClock({ frozenAt: Date.now() });
  const emulator = await startServiceBusEmulator({ clock });
  emulator.control.createQueue("q");
  const connection = rhea.create_container().connect({ port: emulator.port, reconnect: false });
  onTestFinished(async () => {
    connection.close();
    await emulator.close();
  });
  const gone: string[] = [];
  const follow = (name: string, link: Sender | Receiver) =>
    link.on(`${name}_error`, () => gone.push(`${name}: ${(link.error as { condition?: string }).condition}`));
  const receiver = connection.open_receiver({ source: "q", autoaccept: true });
  const sender = connection.open_sender("q");
  follow("receiver", receiver);
  follow("sender", sender);
  await once(sender, "sendable");
  clock.advance(400_000);
  const both = Promise.all([once(receiver, "message"), once(sender, "accepted")]);
  sender.send({ message_id: "m", body: "x" });
  await both;
  await expect.poll(() => emulator.control.state("q").messages).toEqual([]);
  clock.advance(599_999);
  expect(emulator.control.state("q").receivers).toBe(1);
  clock.advance(1);
  expect(emulator.control.state("q").receivers).toBe(0);
  await expect
    .poll(() => gone.toSorted())
    .toEqual(["receiver: amqp:link:detach-forced", "sender: amqp:link:detach-forced"]);
});
