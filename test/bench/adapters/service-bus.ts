import { ServiceBusClient, type ServiceBusMessage } from "@azure/service-bus";
import { serviceBus } from "@waybill/service-bus";
import { type BrokerEntry, eventOfHeaders, headersOf, type Load } from "./broker-bench.ts";
import { startEmulatorsBeside } from "./emulators.ts";

/** What each side asks for ahead: how much that is decides how many round trips there are. */
const IN_HAND = 100;

/** Arrays in one call to send; `subscribe` with a hundred handlers at a time, each completing its message, to receive. */
export const serviceBusBench: BrokerEntry = {
  name: "service-bus",
  events: 20_000,
  rounds: 5,
  batch: 200,
  start: async () => {
    const emulators = await startEmulatorsBeside();
    const client = new ServiceBusClient(emulators.serviceBus);
    return {
      place: emulators.place,
      adapter: ({ topic }) =>
        serviceBus({ connectionString: emulators.serviceBus, queues: [topic], prefetch: IN_HAND }),
      rawSend: async (topic) => {
        const sender = client.createSender(topic);
        return {
          one: (load) => sender.sendMessages(message(load)),
          batch: (loads) => sender.sendMessages(loads.map(message)),
          close: () => sender.close(),
        };
      },
      rawConsume: async ({ topic }, count, clock) => {
        const receiver = client.createReceiver(topic, {
          skipParsingBodyAsJson: true,
          skipConvertingDate: true,
        });
        let left = count;
        const all = Promise.withResolvers<void>();
        receiver.subscribe(
          {
            processMessage: async (received) => {
              clock.first();
              eventOfHeaders(received.applicationProperties, "cloudEvents_", String(received.body));
              await receiver.completeMessage(received);
              if (--left === 0) all.resolve();
            },
            processError: async ({ error }) => all.reject(error),
          },
          { autoCompleteMessages: false, maxConcurrentCalls: IN_HAND },
        );
        await all.promise;
        clock.last();
        await receiver.close();
      },
      stop: async () => {
        await client.close();
        await emulators.stop();
      },
    };
  },
};

const message = (load: Load): ServiceBusMessage => {
  const applicationProperties = headersOf(load, "cloudEvents_");
  return {
    body: Buffer.from(JSON.stringify(load.data)),
    messageId: applicationProperties.cloudEvents_id!,
    contentType: "application/json",
    applicationProperties,
  };
};
