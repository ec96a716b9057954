import type { newPipeline, StoragePipelineOptions, StorageSharedKeyCredential } from "@azure/storage-queue";
import { checkLogicalName, optionChecks } from "@waybill/core/spi";
import { MAX_VISIBILITY_S } from "./capabilities.ts";
import { storageQueueErrors } from "./errors.ts";

/** What `@azure/identity` makes, such as `new DefaultAzureCredential()`. */
export type TokenCredential = Extract<Parameters<typeof newPipeline>[0], { getToken: unknown }>;

/** How the body's bytes stand in a queue message, which is text. Both are read, whichever is written. */
export type Encoding = "base64" | "text";

export interface StorageQueueOptions {
  /** Of the account, with its key or a SAS; or `UseDevelopmentStorage=true`. */
  readonly connectionString?: string | undefined;
  /** `https://ACCOUNT.queue.core.windows.net`, together with `credential`. */
  readonly endpoint?: string | undefined;
  /** Signs in at `endpoint`. */
  readonly credential?: TokenCredential | StorageSharedKeyCredential | undefined;
  /** The queue endpoint with an account SAS: `https://ACCOUNT.queue.core.windows.net?sv=…&sig=…`. */
  readonly sasUrl?: string | undefined;

  /** Each topic's subscriptions: the sender writes one copy to the queue of each. Needed to publish; a process that only subscribes may leave it out. */
  readonly subscriptions?: Readonly<Record<string, readonly string[]>> | undefined;
  /** Stands before every queue name, so that dev and test can share an account. */
  readonly prefix?: string | undefined;
  /** Queue names set by hand, by `topic/subscription` or `topic/subscription/dead`. */
  readonly names?: Readonly<Record<string, string>> | undefined;
  /** Default `base64`, which Azure Functions expects and which carries any bytes; `text` carries a third more. */
  readonly encoding?: Encoding | undefined;

  /** How long a received message is hidden from others, 1 000 to 7 days; whole seconds, rounded up. Core renews it. Default 30 000. */
  readonly visibilityMs?: number | undefined;
  /** How long a message is kept at most, unless its event says less; whole seconds, rounded up; -1 for ever. Default -1. */
  readonly messageTtlMs?: number | undefined;
  /** Creates a missing queue when it is first used. Default true. */
  readonly createQueues?: boolean | undefined;
  /** An idle queue is asked at least this often; the pause grows from 100 up to it. 100 to 60 000. Default 2 000. */
  readonly maxPollMs?: number | undefined;
  /** How long the service may take to answer one call, its quick retry included, 100 to 600 000. After that the call has failed, kind `transient`. Default 30 000. */
  readonly requestTimeoutMs?: number | undefined;
  /** Messages on the wire at a time, for each sender, 1 to 256. Default 16. */
  readonly sendConcurrency?: number | undefined;
  /** Acks, releases and renewals on the wire at a time, for each receiver, 1 to 256. Default 16. */
  readonly settleConcurrency?: number | undefined;
  /** For the SDK's HTTP pipeline: proxy, retryOptions, audience, … Its retries default to one quick one, because core retries. */
  readonly client?: StoragePipelineOptions | undefined;
}

export interface Settings {
  readonly subscriptions: ReadonlyMap<string, readonly string[]>;
  readonly prefix: string | undefined;
  readonly names: Readonly<Record<string, string>>;
  readonly encoding: Encoding;
  readonly visibilityMs: number;
  /** Undefined: never expires. */
  readonly messageTtlMs: number | undefined;
  readonly createQueues: boolean;
  readonly maxPollMs: number;
  readonly requestTimeoutMs: number;
  readonly sendConcurrency: number;
  readonly settleConcurrency: number;
}

/** A record, so that the compiler asks for every new option. */
const KNOWN: Readonly<Record<keyof StorageQueueOptions, true>> = {
  connectionString: true,
  endpoint: true,
  credential: true,
  sasUrl: true,
  subscriptions: true,
  prefix: true,
  names: true,
  encoding: true,
  visibilityMs: true,
  messageTtlMs: true,
  createQueues: true,
  maxPollMs: true,
  requestTimeoutMs: true,
  sendConcurrency: true,
  settleConcurrency: true,
  client: true,
};

const MAX_TTL_MS = 2_147_483_647_000;

/** Refuses what is unknown or out of range, and fills in the defaults. Credentials are `connect`'s to check. */
export function checkOptions(options: StorageQueueOptions): Settings {
  check.known(options, KNOWN, "storageQueue({ … })");
  if (options.prefix !== undefined) checkLogicalName("prefix", options.prefix);
  const forever = options.messageTtlMs === undefined || options.messageTtlMs === -1;
  return {
    subscriptions: checkSubscriptions(options.subscriptions),
    prefix: options.prefix,
    names: { ...options.names },
    encoding: check.oneOf("encoding", options.encoding ?? "base64", ["base64", "text"]),
    visibilityMs: wholeSeconds(
      check.milliseconds("visibilityMs", options.visibilityMs ?? 30_000, 1_000, MAX_VISIBILITY_S * 1_000),
    ),
    messageTtlMs: forever
      ? undefined
      : check.milliseconds("messageTtlMs", options.messageTtlMs ?? 0, 1_000, MAX_TTL_MS),
    createQueues: check.fact("createQueues", options.createQueues ?? true),
    maxPollMs: check.milliseconds("maxPollMs", options.maxPollMs ?? 2_000, 100, 60_000),
    requestTimeoutMs: check.milliseconds("requestTimeoutMs", options.requestTimeoutMs ?? 30_000, 100, 600_000),
    sendConcurrency: check.whole("sendConcurrency", options.sendConcurrency ?? 16, 1, 256),
    settleConcurrency: check.whole("settleConcurrency", options.settleConcurrency ?? 16, 1, 256),
  };
}

/** One that is named twice would get two copies. */
function checkSubscriptions(declared: StorageQueueOptions["subscriptions"] = {}): Map<string, readonly string[]> {
  const out = check.subscriptions(declared);
  for (const [topic, { length }] of Object.entries(declared)) {
    if (out.get(topic)!.length < length)
      throw refused(`subscriptions.${topic}`, "names a subscription twice, which would then get two copies");
  }
  return out;
}

const wholeSeconds = (ms: number) => Math.ceil(ms / 1_000) * 1_000;

const refused = (option: string, problem: string) => storageQueueErrors.WB_STORAGE_QUEUE_OPTION({ option, problem });
const check = optionChecks(refused);
