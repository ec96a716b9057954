import type {
  CheckpointStore,
  EventHubClientOptions,
  EventHubConsumerClient,
  LoadBalancingOptions,
  TokenCredential,
  WebSocketImpl,
} from "@azure/event-hubs";
import type { StorageSharedKeyCredential } from "@azure/storage-blob";
import { checkLogicalName, optionChecks } from "@waybill/core/spi";
import { eventHubsErrors } from "./errors.ts";
import type { HubManagement } from "./management.ts";
import type { AttributePrefix } from "./mapping.ts";

/** What `@azure/identity` makes, or the SDK's key and SAS credentials (`AzureNamedKeyCredential`, `AzureSASCredential`). */
export type HubCredential = ConstructorParameters<typeof EventHubConsumerClient>[3];

/** Where positions are kept and partitions shared out between the consumers of a group. One of three forms. */
export type CheckpointOptions =
  | {
      /** Of a storage account, with its key or a SAS. */
      readonly connectionString: string;
      /** A blob container. Default `waybill-checkpoints`. */
      readonly container?: string | undefined;
    }
  | {
      /** `https://ACCOUNT.blob.core.windows.net/CONTAINER`, with a SAS or with `credential`. */
      readonly containerUrl: string;
      readonly credential?: TokenCredential | StorageSharedKeyCredential | undefined;
    }
  | {
      /** Any other store. It must keep what it was given before it answers. */
      readonly store: CheckpointStore;
    };

export type Partitioner = "client" | "service";

export interface EventHubsOptions {
  /** Of the namespace, with a key or a SAS. */
  readonly connectionString?: string | undefined;
  /** `NAME.servicebus.windows.net`, together with `credential`. */
  readonly fullyQualifiedNamespace?: string | undefined;
  readonly credential?: HubCredential | undefined;
  /** Needed to subscribe; a process that only publishes may leave it out. */
  readonly checkpoints?: CheckpointOptions | undefined;
  /** Creates a missing blob container when it is first used. Default true. */
  readonly createContainer?: boolean | undefined;

  /** Each topic's subscriptions: for `topology` and to find typing slips. A topic that is not here takes any. */
  readonly subscriptions?: Readonly<Record<string, readonly string[]>> | undefined;
  /** Stands before every hub name, so that dev and test can share a namespace. */
  readonly prefix?: string | undefined;
  /** Hub names set by hand, by `topic`, `topic/subscription` (retry hub) or `topic/subscription/dead`. */
  readonly names?: Readonly<Record<string, string>> | undefined;
  /** Consumer groups set by hand, by `topic/subscription`. Default: the subscription's name; `$Default` is the only one on the Basic tier. */
  readonly consumerGroups?: Readonly<Record<string, string>> | undefined;
  /** Each subscription has a hub of its own, `topic.subscription`, which it reads as well: where redriven events go. Default false: hubs are scarce, ten a namespace on Basic and Standard. */
  readonly retryHubs?: boolean | undefined;
  /** Of the CloudEvents attributes as they are written. Default `cloudEvents_`. */
  readonly attributePrefix?: AttributePrefix | undefined;
  /**
   * Who hashes keys to partitions, by the same hash. `client`: the adapter, which sends all events of a partition in one batch; readers find the key in
   * `cloudEvents_partitionkey`. `service`: each key has its batches, and readers find it in the event's `partitionKey` too. Default client.
   */
  readonly partitioner?: Partitioner | undefined;

  /** Events that the SDK hands over at a time for each partition, and reads ahead, 1 to 1 000. Default 100. */
  readonly partitionBatch?: number | undefined;
  /** `greedy` takes all partitions that are free at once, `balanced` one a round. Default greedy. */
  readonly strategy?: LoadBalancingOptions["strategy"] | undefined;
  /**
   * How often partitions are shared out anew and ownership is renewed, 100 to 60 000 ms. Default 10 000. Each time the namespace is asked something: a connection
   * that carries nothing any more is replaced when it has not answered 10 s later, or `requestTimeoutMs` where that is less.
   */
  readonly updateIntervalMs?: number | undefined;
  /** A consumer that has not renewed for so long is dead, and others take its partitions, 1 000 to 600 000 ms; at least twice `updateIntervalMs`. Default 60 000. */
  readonly ownershipMs?: number | undefined;
  /** How long the service may take to answer one call, 100 to 600 000 ms. After that the call has failed, kind `transient`. Default 30 000. */
  readonly requestTimeoutMs?: number | undefined;
  /** AMQP over WebSocket, port 443: `true` for Node's own, or an implementation such as `ws`. Default: plain AMQP, port 5671. */
  readonly webSocket?: boolean | WebSocketImpl | undefined;
  /** For the SDK's clients: customEndpointAddress, userAgent, webSocketOptions, retryOptions, … Its retries default to one quick one, because core retries. */
  readonly client?: Omit<EventHubClientOptions, "identifier"> | undefined;
  /** Lets `topology` look at hubs and consumer groups, and make them. Without it a missing one is named, with the command that makes it. */
  readonly management?: HubManagement | undefined;
}

export interface Settings {
  readonly subscriptions: ReadonlyMap<string, readonly string[]>;
  readonly prefix: string | undefined;
  readonly names: Readonly<Record<string, string>>;
  readonly consumerGroups: Readonly<Record<string, string>>;
  readonly retryHubs: boolean;
  readonly createContainer: boolean;
  readonly attributePrefix: AttributePrefix;
  readonly partitioner: Partitioner;
  readonly partitionBatch: number;
  readonly loadBalancing: Required<LoadBalancingOptions>;
  readonly requestTimeoutMs: number;
  /** How long a consumer's question may be unanswered before its connection is given up. */
  readonly answerMs: number;
}

const MAX_ANSWER_MS = 10_000;

/** A record, so that the compiler asks for every new option. */
const KNOWN: Readonly<Record<keyof EventHubsOptions, true>> = {
  connectionString: true,
  fullyQualifiedNamespace: true,
  credential: true,
  checkpoints: true,
  createContainer: true,
  subscriptions: true,
  prefix: true,
  names: true,
  consumerGroups: true,
  retryHubs: true,
  attributePrefix: true,
  partitioner: true,
  partitionBatch: true,
  strategy: true,
  updateIntervalMs: true,
  ownershipMs: true,
  requestTimeoutMs: true,
  webSocket: true,
  client: true,
  management: true,
};

/** Refuses what is unknown or out of range, and fills in the defaults. Credentials are `connect`'s to check, the store `checkpoints`'. */
export function checkOptions(options: EventHubsOptions): Settings {
  check.known(options, KNOWN, "eventHubs({ … })");
  const strategy = check.oneOf("strategy", options.strategy ?? "greedy", ["greedy", "balanced"]);
  if (options.prefix !== undefined) checkLogicalName("prefix", options.prefix);
  const updateIntervalInMs = check.milliseconds("updateIntervalMs", options.updateIntervalMs ?? 10_000, 100, 60_000);
  const ownershipMs = check.milliseconds("ownershipMs", options.ownershipMs ?? 60_000, 1_000, 600_000);
  if (ownershipMs < 2 * updateIntervalInMs)
    throw refused("ownershipMs", "must be at least twice updateIntervalMs: one late renewal would lose partitions");
  const requestTimeoutMs = check.milliseconds("requestTimeoutMs", options.requestTimeoutMs ?? 30_000, 100, 600_000);
  return {
    subscriptions: check.subscriptions(options.subscriptions),
    prefix: options.prefix,
    names: { ...options.names },
    consumerGroups: { ...options.consumerGroups },
    retryHubs: check.fact("retryHubs", options.retryHubs ?? false),
    createContainer: check.fact("createContainer", options.createContainer ?? true),
    attributePrefix: check.oneOf("attributePrefix", options.attributePrefix ?? "cloudEvents_", [
      "cloudEvents_",
      "cloudEvents:",
    ]),
    partitioner: check.oneOf("partitioner", options.partitioner ?? "client", ["client", "service"]),
    partitionBatch: check.whole("partitionBatch", options.partitionBatch ?? 100, 1, 1_000),
    loadBalancing: { strategy, updateIntervalInMs, partitionOwnershipExpirationIntervalInMs: ownershipMs },
    requestTimeoutMs,
    answerMs: Math.min(MAX_ANSWER_MS, requestTimeoutMs),
  };
}

const refused = (option: string, problem: string) => eventHubsErrors.WB_EVENT_HUBS_OPTION({ option, problem });
const check = optionChecks(refused);
