import { once } from "node:events";
import rhea, { type EventContext } from "rhea-emulator";
import { expect, it, onTestFinished } from "vitest";
import { startServiceBusEmulator } from "./start.ts";

// fidelity service-bus partial: tokens — a key whose name is not known here is let in, unless `accessPolicies` are given; links outlive their token
it("has no token for what is not there, and takes none that has expired", async () => {
  const emulator = await startServiceBusEmulator();
  emulator.control.createTopic("t");
  emulator.control.createSubscription("t", "s");
  const container = rhea.create_container();
  const connection = container.connect({ port: emulator.port, reconnect: false });
  onTestFinished(async () => {
    connection.close();
    await emulator.close();
  });
  const receiver = connection.open_receiver({ source: "$cbs", target: "answers" });
  const sender = connection.open_sender("$cbs");
  await once(sender, "sendable");
  const ask = async (audience: string, body = "x") => {
    const answer = once(receiver, "message") as Promise<[EventContext]>;
    sender.send({
      reply_to: "answers",
      application_properties: { operation: "put-token", type: "jwt", name: audience },
      body,
    });
    return (await answer)[0].message?.application_properties?.["status-code"];
  };
  expect(await ask("sb://localhost/t/Subscriptions/s/$management")).toBe(202);
  expect(await ask("sb://localhost/")).toBe(202);
  expect(await ask("amqps://localhost/missing")).toBe(404);
  expect(await ask("sb://localhost/t/Subscriptions/missing")).toBe(404);
  const signed = (seconds: number) => `SharedAccessSignature sr=sb%3a%2f%2flocalhost&sig=x%3d&se=${seconds}&skn=key`;
  expect(await ask("sb://localhost/t", signed(Math.floor(Date.now() / 1_000) + 60))).toBe(202);
  expect(await ask("sb://localhost/t", signed(Math.floor(Date.now() / 1_000) - 60))).toBe(401);
});
