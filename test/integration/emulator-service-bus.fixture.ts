import {
  ServiceBusAdministrationClient,
  ServiceBusClient,
  type ServiceBusReceivedMessage,
  type ServiceBusReceiver,
} from "@azure/service-bus";
import { type ServiceBusEmulator, type ServiceBusEmulatorOptions, startServiceBusEmulator } from "@waybill/emulators";
import { onTestFinished } from "vitest";

export * from "@waybill/emulators";

/** One emulator and one unmodified client, closed when the test ends. No retries: a test sees the first answer. */
export async function open(
  options: ServiceBusEmulatorOptions = {},
): Promise<ServiceBusEmulator & { client: ServiceBusClient }> {
  const emulator = await startServiceBusEmulator(options);
  const client = connect(emulator);
  onTestFinished(async () => {
    await client.close();
    await emulator.close();
  });
  return { ...emulator, client };
}

export const connect = ({ connectionString }: Pick<ServiceBusEmulator, "connectionString">, timeoutInMs = 5_000) =>
  new ServiceBusClient(connectionString, { retryOptions: { maxRetries: 0, timeoutInMs } });

/** Over plain HTTP, by the client's public pipeline. */
export function administer({
  connectionString,
}: Pick<ServiceBusEmulator, "connectionString">): ServiceBusAdministrationClient {
  const admin = new ServiceBusAdministrationClient(connectionString, { retryOptions: { maxRetries: 0 } });
  const { pipeline } = admin as unknown as {
    pipeline: {
      addPolicy(policy: {
        name: string;
        sendRequest(request: object, next: (request: object) => unknown): unknown;
      }): void;
    };
  };
  pipeline.addPolicy({
    name: "plain-http",
    sendRequest: (request, next) => {
      const plain = request as { url: string; allowInsecureConnection: boolean };
      plain.url = plain.url.replace(/^https:/, "http:");
      plain.allowInsecureConnection = true;
      return next(plain);
    },
  });
  return admin;
}

/** Receives exactly so many, one call after the other. */
export async function take(receiver: ServiceBusReceiver, count: number): Promise<ServiceBusReceivedMessage[]> {
  const taken: ServiceBusReceivedMessage[] = [];
  while (taken.length < count) {
    const some = await receiver.receiveMessages(count - taken.length, { maxWaitTimeInMs: 5_000 });
    if (some.length === 0) throw new Error(`Only ${taken.length} of ${count} messages came.`);
    taken.push(...some);
  }
  return taken;
}

export async function one(receiver: ServiceBusReceiver): Promise<ServiceBusReceivedMessage> {
  return (await take(receiver, 1))[0]!;
}

export const bodies = (messages: readonly ServiceBusReceivedMessage[]) => messages.map(({ body }) => body as unknown);
