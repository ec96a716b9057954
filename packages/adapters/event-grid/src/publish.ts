import type { RestClient } from "./rest-client.ts";

const BATCH_TYPE = "application/cloudevents-batch+json; charset=utf-8";
const [OPEN, COMMA, CLOSE] = [0x5b, 0x2c, 0x5d] as const;

/** One request with all of them: the service takes all or none. Throws what it answers. */
export type Publish = (documents: readonly Uint8Array[], signal: AbortSignal) => Promise<void>;

/**
 * At a path below the client's endpoint. Not by the SDKs: `@azure/eventgrid-namespaces` drops extensions and falsy data, and `@azure/eventgrid` writes every document
 * anew, which rounds numbers that JavaScript cannot hold, and refuses data that is no object.
 */
export function publishAt(client: RestClient, path: string): Publish {
  return async (documents, signal) => {
    await client({ path, body: batchOf(documents), contentType: BATCH_TYPE }, signal);
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
