import { AmqpError } from "./amqp/amqp-error.ts";
import type { PlainMessage } from "./amqp/write-message.ts";
import type { Azurite } from "./azurite.ts";
import type { AzureDelivery, AzureSend, NeighbourSends } from "./event-grid/push/destination.ts";
import type { EventHubsEmulator } from "./event-hubs/start.ts";
import type { ServiceBusEmulator } from "./service-bus/start.ts";
import { readStorageAccount, storageRequest } from "./storage-request.ts";

/** The emulators that start beside Event Grid; awaited when the first event goes to one, so that none waits for another to start. */
export interface StartingNeighbours {
  readonly serviceBus: () => Promise<ServiceBusEmulator | undefined>;
  readonly eventHubs: () => Promise<EventHubsEmulator | undefined>;
  readonly storage: () => Promise<Azurite | undefined>;
}

/** How Event Grid reaches queues, topics and hubs of the emulators beside it. */
export function neighbours(starting: StartingNeighbours): NeighbourSends {
  const toServiceBus = (entity: string): AzureSend =>
    sending(async (delivery) => {
      const emulator = running(await starting.serviceBus(), "service-bus");
      emulator.control.send(entity, toMessage(delivery));
    });
  return {
    ServiceBusQueue: toServiceBus,
    ServiceBusTopic: toServiceBus,
    EventHub: (entity) =>
      sending(async (delivery) => {
        const emulator = running(await starting.eventHubs(), "event-hubs");
        emulator.control.send(entity, toMessage(delivery));
      }),
    StorageQueue: (entity) => async (delivery) => {
      const { connectionString } = running(await starting.storage(), "storage");
      const account = readStorageAccount(connectionString);
      const url = `${account.queueEndpoint}/${encodeURIComponent(entity)}/messages`;
      const xml = `<QueueMessage><MessageText>${delivery.body}</MessageText></QueueMessage>`;
      const status = await storageRequest(account, "POST", url, { "content-type": "application/xml" }, xml);
      if (status !== 201) throw refusal(status, `The storage queue '${entity}' answered ${status}.`);
    },
  };
}

/** Delivery attributes of these names become the message's own fields, as the service does it; the others are properties. */
const FIELDS: Readonly<Record<string, keyof PlainMessage>> = {
  messageid: "messageId",
  partitionkey: "partitionKey",
  sessionid: "sessionId",
  correlationid: "correlationId",
  label: "subject",
  replyto: "replyTo",
  replytosessionid: "replyToSessionId",
  to: "to",
};

function toMessage({ body, contentType, messageId, properties }: AzureDelivery): PlainMessage {
  const fields: Record<string, string> = {};
  const rest: Record<string, string> = {};
  for (const [name, value] of Object.entries(properties)) {
    const field = Object.hasOwn(FIELDS, name.toLowerCase()) ? FIELDS[name.toLowerCase()] : undefined;
    if (field === undefined) rest[name] = value;
    else fields[field] = value;
  }
  return { body, contentType, messageId, ...fields, properties: rest };
}

const STATUS: Readonly<Record<string, number>> = {
  "amqp:not-found": 404,
  "amqp:link:message-size-exceeded": 413,
  "amqp:not-allowed": 400,
};

function sending(send: AzureSend): AzureSend {
  return async (delivery) => {
    try {
      await send(delivery);
    } catch (error) {
      if (!(error instanceof AmqpError)) throw error;
      throw refusal(STATUS[error.condition] ?? 503, error.message);
    }
  };
}

const refusal = (statusCode: number, text: string) => Object.assign(new Error(text), { statusCode });

function running<T>(emulator: T | undefined, name: string): T {
  if (emulator === undefined) throw new Error(`A subscription's destination is in '${name}', which was not started.`);
  return emulator;
}
