import {
  type CheckpointStore,
  EventHubConsumerClient,
  type EventHubConsumerClientOptions,
  EventHubProducerClient,
  type LoadBalancingOptions,
  RetryMode,
  type RetryOptions,
  type TokenCredential,
  type WebSocketImpl,
} from "@azure/event-hubs";
import { eventHubsErrors } from "./errors.ts";
import type { EventHubsOptions } from "./options.ts";
import { type Client, withoutDelay } from "./rhea-connection.ts";

/** Makes the SDK's clients for exactly one way to sign in. Each client has a connection of its own; none does I/O before its first call. */
export interface Connect {
  producer(hub: string): EventHubProducerClient;
  /** Without `sharing` it shares its partitions with nobody, and has no owner level. */
  consumer(hub: string, group: string, sharing?: Sharing): EventHubConsumerClient;
}

export interface Sharing {
  readonly store: CheckpointStore;
  readonly ownerId: string;
  readonly loadBalancing: LoadBalancingOptions;
}

/** One quick retry, for a connection that the service has just closed; core does the rest, with backoff. The SDK's own three come 30 s apart. */
const RETRY: RetryOptions = {
  maxRetries: 1,
  retryDelayInMs: 200,
  maxRetryDelayInMs: 1_000,
  mode: RetryMode.Fixed,
};
/**
 * Of one attempt; the SDK's own is 60 s. It is also how long a send waits whose connection was cut before its answer: the SDK opens a new connection
 * and forgets the send.
 */
const ATTEMPT_MS = 5_000;

/** What is wrong is said without repeating a value, and without the SDK's own error as cause: that one quotes the whole connection string. */
export function connect(options: EventHubsOptions, requestTimeoutMs: number): Connect {
  const { connectionString, fullyQualifiedNamespace, credential } = options;
  const ways = [connectionString, fullyQualifiedNamespace ?? credential].filter((way) => way !== undefined).length;
  if (ways === 0) throw refused("no credentials were given");
  if (ways > 1) throw refused("more than one way to sign in was given");
  if (connectionString === undefined) checkCredential(options);
  const entity = connectionString === undefined ? undefined : checkConnectionString(connectionString);
  const webSocket = webSocketOf(options.webSocket);

  // Made afresh for each client: the SDK writes into its retry options.
  const clientOptions = (): EventHubConsumerClientOptions => ({
    ...options.client,
    ...(webSocket === undefined ? {} : { webSocketOptions: { webSocket, ...options.client?.webSocketOptions } }),
    retryOptions: { ...RETRY, timeoutInMs: Math.min(ATTEMPT_MS, requestTimeoutMs), ...options.client?.retryOptions },
  });
  const make = <T extends Client>(hub: string, create: () => T): T => {
    if (entity !== undefined && entity !== hub)
      throw refused(`the connection string is for the hub ${entity} only, and ${hub} is needed`);
    try {
      return withoutDelay(create());
    } catch {
      throw refused("the SDK did not understand the connection string or the credential");
    }
  };
  const token = credential as TokenCredential;
  const namespace = fullyQualifiedNamespace ?? "";
  return {
    producer: (hub) =>
      make(hub, () =>
        connectionString === undefined
          ? new EventHubProducerClient(namespace, hub, token, clientOptions())
          : new EventHubProducerClient(connectionString, hub, clientOptions()),
      ),
    consumer: (hub, group, sharing) =>
      make(hub, () => {
        if (sharing === undefined) {
          return connectionString === undefined
            ? new EventHubConsumerClient(group, namespace, hub, token, clientOptions())
            : new EventHubConsumerClient(group, connectionString, hub, clientOptions());
        }
        const { store, ownerId: identifier, loadBalancing: loadBalancingOptions } = sharing;
        const shared = { ...clientOptions(), identifier, loadBalancingOptions };
        return connectionString === undefined
          ? new EventHubConsumerClient(group, namespace, hub, token, store, shared)
          : new EventHubConsumerClient(group, connectionString, hub, store, shared);
      }),
  };
}

function checkCredential({ fullyQualifiedNamespace, credential }: EventHubsOptions): void {
  if (fullyQualifiedNamespace === undefined) throw refused("credential needs fullyQualifiedNamespace beside it");
  if (credential === undefined) throw refused("fullyQualifiedNamespace needs a credential beside it");
  if (typeof fullyQualifiedNamespace !== "string" || !/^[a-z0-9.-]+(?::\d+)?$/i.test(fullyQualifiedNamespace))
    throw refused("fullyQualifiedNamespace is no host name, such as shop.servicebus.windows.net");
  const { getToken, key, signature } = credential as unknown as Record<string, unknown>;
  if (typeof getToken !== "function" && typeof key !== "string" && typeof signature !== "string")
    throw refused("credential is neither a token credential nor a key or SAS credential");
  if (typeof signature === "string") checkExpiry(signature);
}

/** Here it is known at once; the service would say it when the first link is opened. */
function checkExpiry(sas: string): void {
  const at = new Date(Number(/[&\s]se=(\d+)/.exec(sas)?.[1]) * 1_000);
  if (at.getTime() <= Date.now()) throw refused(`the SAS expired at ${at.toISOString()}`);
}

/** Answers the hub that the string is limited to, if it is. */
function checkConnectionString(text: string): string | undefined {
  if (typeof text !== "string" || text.trim() === "") throw refused("connectionString is empty");
  const parts = new Map<string, string>();
  for (const part of text.split(";")) {
    const at = part.indexOf("=");
    if (part.trim() !== "" && at < 1) throw refused("connectionString has a part that is not name=value");
    if (at > 0) parts.set(part.slice(0, at).trim().toLowerCase(), part.slice(at + 1).trim());
  }
  const endpoint = parts.get("endpoint");
  if (!endpoint) throw refused("connectionString has no Endpoint");
  if (!/^sb:\/\/[^/]+\/?$/i.test(endpoint)) throw refused("Endpoint in connectionString is no sb:// address");
  const sas = parts.get("sharedaccesssignature");
  const key = parts.get("sharedaccesskey");
  if (sas) {
    if (key) throw refused("connectionString has both a SharedAccessKey and a SharedAccessSignature");
    if (!sas.startsWith("SharedAccessSignature "))
      throw refused("SharedAccessSignature in connectionString does not begin with the word SharedAccessSignature");
    checkExpiry(sas);
  } else {
    if (!parts.get("sharedaccesskeyname")) throw refused("connectionString has no SharedAccessKeyName");
    if (!key) throw refused("connectionString has no SharedAccessKey");
  }
  return parts.get("entitypath") || undefined;
}

function webSocketOf(given: EventHubsOptions["webSocket"]): WebSocketImpl | undefined {
  if (given === undefined || given === false) return undefined;
  return given === true ? (globalThis.WebSocket as unknown as WebSocketImpl) : given;
}

const refused = (problem: string) => eventHubsErrors.WB_EVENT_HUBS_CREDENTIALS({ problem });
