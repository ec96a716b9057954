import { EventGridPublisherClient } from "@azure/eventgrid";
import type { Access } from "./access.ts";
import type { EventDocument } from "./mapping.ts";
import type { EventGridOptions } from "./options.ts";
import { NO_RETRIES, type RestClient } from "./rest-client.ts";

const BATCH_TYPE = "application/cloudevents-batch+json; charset=utf-8";

/** One request with all of them: the service takes all or none. Throws what it answers. */
export type Publish = (documents: readonly EventDocument[], signal: AbortSignal) => Promise<void>;

/** To a namespace topic. Not by `@azure/eventgrid-namespaces`, which drops extensions and falsy data. */
export function publishToNamespace(client: RestClient, topic: string): Publish {
  return async (documents, signal) => {
    await client({ path: `/topics/${topic}:publish`, body: batchOf(documents), contentType: BATCH_TYPE }, signal);
  };
}

const [OPEN, COMMA, CLOSE] = ["[", ",", "]"].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer];

/** As bytes: what is bytes already need not become text to be sent. */
function batchOf(documents: readonly EventDocument[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const { body } of documents) parts.push(parts.length === 0 ? OPEN : COMMA, body);
  if (parts.length === 0) parts.push(OPEN);
  return Buffer.concat([...parts, CLOSE]);
}

/**
 * To a custom topic or a domain, by the SDK. As client of the schema `CloudEvent` it refuses data that is a string, number or boolean and makes objects of arrays;
 * as client of the schema `Custom` it sends what it is given, and with the content type of a batch that is a batch of CloudEvents.
 */
export function publishToTopic(
  { endpoint, insecure, secret }: Access,
  options: Pick<EventGridOptions, "client">,
): Publish {
  const credential = "credential" in secret ? secret.credential : "key" in secret ? secret : { signature: secret.sas };
  const client = new EventGridPublisherClient(endpoint.href, "Custom", credential as { key: string }, {
    ...options.client,
    retryOptions: NO_RETRIES,
    allowInsecureConnection: insecure,
  });
  return async (documents, abortSignal) => {
    await client.send(
      documents.map(({ event }) => event as Record<string, unknown>),
      { abortSignal, requestOptions: { customHeaders: { "content-type": BATCH_TYPE } } },
    );
  };
}
