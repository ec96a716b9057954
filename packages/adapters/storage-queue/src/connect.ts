import { QueueServiceClient, type StoragePipelineOptions, StorageSharedKeyCredential } from "@azure/storage-queue";
import { storageQueueErrors } from "./errors.ts";
import type { StorageQueueOptions } from "./options.ts";

/**
 * One quick retry, for a kept-alive connection that the service has just closed; core does the rest, with backoff. The timeout is what the service is
 * told to keep to; what ends a call that is never answered is `createCall`.
 */
const RETRY: StoragePipelineOptions["retryOptions"] = {
  maxTries: 2,
  retryDelayInMs: 100,
  maxRetryDelayInMs: 1_000,
  tryTimeoutInMs: 30_000,
};

/**
 * The SDK's client for exactly one way to sign in; no I/O. What is wrong is said without repeating a value, and without the SDK's own error as
 * cause, which may hold one.
 */
export function connect(options: StorageQueueOptions): QueueServiceClient {
  const { connectionString, endpoint, credential, sasUrl } = options;
  const ways = [connectionString, endpoint ?? credential, sasUrl].filter((way) => way !== undefined).length;
  if (ways === 0) throw refused("no credentials were given");
  if (ways > 1) throw refused("more than one way to sign in was given");
  const pipeline = { ...options.client, retryOptions: { ...RETRY, ...options.client?.retryOptions } };
  if (connectionString !== undefined) return fromConnectionString(connectionString, pipeline);
  if (sasUrl !== undefined) {
    const url = webAddress("sasUrl", sasUrl);
    if (!url.searchParams.has("sig")) throw refused("sasUrl has no signature (sig=…)");
    return new QueueServiceClient(url.href, undefined, pipeline);
  }
  if (endpoint === undefined) throw refused("credential needs an endpoint beside it");
  if (credential === undefined) throw refused("endpoint needs a credential beside it");
  const url = webAddress("endpoint", endpoint);
  if (url.search !== "") throw refused("endpoint must have no query; an address with a SAS is given as sasUrl");
  const key = credential instanceof StorageSharedKeyCredential;
  if (!key && typeof credential.getToken !== "function") {
    throw refused("credential is neither a TokenCredential nor a StorageSharedKeyCredential");
  }
  if (!key && url.protocol !== "https:") throw refused("a TokenCredential is only sent over https");
  return new QueueServiceClient(url.href, credential, pipeline);
}

function fromConnectionString(text: string, pipeline: StoragePipelineOptions): QueueServiceClient {
  if (typeof text !== "string" || text.trim() === "") throw refused("connectionString is empty");
  const parts = new Map<string, string>();
  for (const part of text.split(";")) {
    const at = part.indexOf("=");
    if (part.trim() !== "" && at < 1) throw refused("connectionString has a part that is not name=value");
    if (at > 0) parts.set(part.slice(0, at).trim(), part.slice(at + 1).trim());
  }
  if (parts.get("UseDevelopmentStorage") !== "true") checkParts(parts);
  try {
    return QueueServiceClient.fromConnectionString([...parts].map((part) => part.join("=")).join(";"), pipeline);
  } catch {
    throw refused("connectionString was not understood by the SDK");
  }
}

function checkParts(parts: Map<string, string>): void {
  const needs = (name: string) => {
    if (!parts.get(name)) throw refused(`connectionString has no ${name}`);
  };
  const queueEndpoint = parts.get("QueueEndpoint");
  if (queueEndpoint !== undefined) webAddress("QueueEndpoint in connectionString", queueEndpoint);
  if (parts.has("SharedAccessSignature")) {
    needs("SharedAccessSignature");
    needs("QueueEndpoint");
    return;
  }
  needs("AccountName");
  needs("AccountKey");
  const key = parts.get("AccountKey") ?? "";
  if (Buffer.from(key, "base64").toString("base64") !== key)
    throw refused("AccountKey in connectionString is not Base64");
  // The SDK takes a string for an account's only when it names a protocol.
  if (!parts.has("DefaultEndpointsProtocol")) parts.set("DefaultEndpointsProtocol", "https");
  if (queueEndpoint === undefined && !parts.has("EndpointSuffix")) parts.set("EndpointSuffix", "core.windows.net");
}

function webAddress(what: string, text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) throw refused(`${what} is no http or https address`);
  return url;
}

const refused = (problem: string) => storageQueueErrors.WB_STORAGE_QUEUE_CREDENTIALS({ problem });
