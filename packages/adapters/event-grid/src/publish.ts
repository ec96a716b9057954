import type { PipelinePolicy } from "@azure/core-rest-pipeline";
import { EventGridPublisherClient } from "@azure/eventgrid";
import type { Access } from "./access.ts";
import type { EventGridOptions } from "./options.ts";
import { NO_RETRIES, type RestClient } from "./rest-client.ts";

const BATCH_TYPE = "application/cloudevents-batch+json; charset=utf-8";
const [OPEN, COMMA, CLOSE] = [0x5b, 0x2c, 0x5d] as const;

/** One request with all of them: the service takes all or none. Throws what it answers. */
export type Publish = (documents: readonly Uint8Array[], signal: AbortSignal) => Promise<void>;

/** To a namespace topic. Not by `@azure/eventgrid-namespaces`, which drops extensions and falsy data. */
export function publishToNamespace(client: RestClient, topic: string): Publish {
  return async (documents, signal) => {
    await client({ path: `/topics/${topic}:publish`, body: batchOf(documents), contentType: BATCH_TYPE }, signal);
  };
}

/** Never sent: says which batch a request of the SDK is for. */
const BATCH = "waybill-batch";

/**
 * To a custom topic or a domain, by the SDK. It takes objects and writes them anew, which rounds numbers that JavaScript cannot hold, and as client of the schema
 * `CloudEvent` it refuses data that is no object: so it is handed none, as client of the schema `Custom`, and its request gets the bytes on its way. With the content
 * type of a batch that is a batch of CloudEvents.
 */
export function publishToTopic(
  { endpoint, insecure, secret }: Access,
  options: Pick<EventGridOptions, "client">,
): Publish {
  const credential = "credential" in secret ? secret.credential : "key" in secret ? secret : { signature: secret.sas };
  const bodies = new Map<string, Uint8Array>();
  const policy: PipelinePolicy = {
    name: "waybillBatch",
    sendRequest(request, next) {
      request.body = bodies.get(request.headers.get(BATCH)!)!;
      request.headers.delete(BATCH);
      return next(request);
    },
  };
  const client = new EventGridPublisherClient(endpoint.href, "Custom", credential as { key: string }, {
    ...options.client,
    additionalPolicies: [{ policy, position: "perCall" }],
    retryOptions: NO_RETRIES,
    allowInsecureConnection: insecure,
  });
  let calls = 0;
  return async (documents, abortSignal) => {
    const batch = String(calls++);
    bodies.set(batch, batchOf(documents));
    try {
      const customHeaders = { "content-type": BATCH_TYPE, [BATCH]: batch };
      await client.send([], { abortSignal, requestOptions: { customHeaders } });
    } finally {
      bodies.delete(batch);
    }
  };
}

/** As bytes: what is bytes already need not become text to be sent. */
function batchOf(documents: readonly Uint8Array[]): Uint8Array {
  if (documents.length === 0) return Buffer.from([OPEN, CLOSE]);
  let size = 1;
  for (const document of documents) size += document.byteLength + 1;
  const batch = Buffer.allocUnsafe(size);
  let at = batch.writeUInt8(OPEN);
  for (const document of documents) {
    batch.set(document, at);
    at = batch.writeUInt8(COMMA, at + document.byteLength);
  }
  batch[size - 1] = CLOSE;
  return batch;
}
