import { EventHubConsumerClient, EventHubProducerClient } from "@azure/event-hubs";
import { expect, it, onTestFinished } from "vitest";
import { bodies, type EventHubsEmulatorOptions, eventually, open, read, send } from "./emulator-event-hubs.fixture.ts";

const accessPolicies: EventHubsEmulatorOptions["accessPolicies"] = [
  { keyName: "sender", primaryKey: "c2VuZGVy", rights: ["Send"] },
  { keyName: "listener", primaryKey: "bGlzdGVuZXI=", secondaryKey: "c2Vjb25k", rights: ["Listen"], entity: "Orders" },
];

async function withPolicies() {
  const emulator = await open({
    hubs: { orders: { partitionCount: 1 }, other: { partitionCount: 1 } },
    accessPolicies,
  });
  const options = { retryOptions: { maxRetries: 0, timeoutInMs: 5_000 } };
  const keep = <T extends { close(): Promise<void> }>(client: T): T => {
    onTestFinished(() => client.close());
    return client;
  };
  const connectionString = (keyName: string, key: string) =>
    emulator.connectionString.replace("RootManageSharedAccessKey", keyName).replace("SAS_KEY_VALUE", key);
  return {
    emulator,
    producer: (keyName: string, key: string, hub = "orders") =>
      keep(new EventHubProducerClient(connectionString(keyName, key), hub, options)),
    consumer: (keyName: string, key: string, hub = "orders") =>
      keep(new EventHubConsumerClient("$Default", connectionString(keyName, key), hub, options)),
  };
}

// fidelity event-hubs: `accessPolicies`: what the keys of the namespace and of a hub open
it("lets a key do what its rights say", async () => {
  const { producer, consumer } = await withPolicies();
  const sending = producer("sender", "c2VuZGVy");
  await send(sending, "0", "a");
  expect(await sending.getPartitionIds()).toEqual(["0"]);
  for (const key of ["bGlzdGVuZXI=", "c2Vjb25k"]) {
    const listening = consumer("listener", key);
    const { events } = read(listening, "0");
    await eventually(() => bodies(events)).toEqual(["a"]);
    expect((await listening.getEventHubProperties()).partitionIds).toEqual(["0"]);
  }
  await expect(send(producer("listener", "bGlzdGVuZXI="), "0", "b")).rejects.toMatchObject({
    code: "UnauthorizedError",
    message: expect.stringMatching(/'Send' claim\(s\) are required.*orders\/partitions\/0/),
  });
  const { errors } = read(consumer("sender", "c2VuZGVy"), "0");
  await eventually(() => errors).toMatchObject([
    { code: "UnauthorizedError", message: expect.stringContaining("'Listen' claim(s) are required") },
  ]);
});

// fidelity event-hubs: `accessPolicies`: what the keys of the namespace and of a hub open
it("refuses other keys, other names and other hubs", async () => {
  const { emulator, producer, consumer } = await withPolicies();
  await send(emulator.producer(), "0", "a");
  await send(producer("sender", "c2VuZGVy", "other"), "0", "a");
  const invalid = { code: "UnauthorizedError", message: expect.stringContaining("InvalidSignature") };
  await expect(send(producer("sender", "d3Jvbmc="), "0", "a")).rejects.toMatchObject(invalid);
  await expect(send(producer("nobody", "c2VuZGVy"), "0", "a")).rejects.toMatchObject(invalid);
  await expect(consumer("listener", "bGlzdGVuZXI=", "other").getPartitionIds()).rejects.toMatchObject(invalid);
});
