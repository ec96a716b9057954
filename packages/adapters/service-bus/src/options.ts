import type { TokenCredential, WebSocketOptions } from "@azure/service-bus";
import { checkLogicalName, optionChecks } from "@waybill/core/spi";
import { serviceBusErrors } from "./errors.ts";

/**
 * What makes the session of a message, and so its lane. `none`: no sessions, no order. `buckets`: one of `buckets` hashes of the key, so that many keys
 * share few sessions. `key`: the key itself. Events without a key spread over the buckets in both.
 */
export type ServiceBusSessions = "none" | "buckets" | "key";

/** A `TokenCredential`, or a key or SAS object of `@azure/core-auth`. */
export type Credential =
  | TokenCredential
  | { readonly key: string; readonly name: string }
  | { readonly signature: string };

export interface ServiceBusOptions {
  /** Of the namespace, with its key or a SAS; `UseDevelopmentEmulator=true` in it means an emulator. */
  readonly connectionString?: string | undefined;
  /** `NAME.servicebus.windows.net`, together with `credential`. */
  readonly namespace?: string | undefined;
  /** Signs in at `namespace`: what `@azure/identity` makes, an `AzureNamedKeyCredential` or an `AzureSASCredential`. */
  readonly credential?: Credential | undefined;
  /** AMQP over WebSocket, port 443: `true` for Node's own, or the SDK's options with a constructor and its arguments (proxy agent). */
  readonly webSocket?: boolean | WebSocketOptions | undefined;
  /** Where to connect instead of the namespace's own address, such as a private link. */
  readonly customEndpoint?: string | undefined;
  /** Where the administration API answers, if not at `https://NAMESPACE`. */
  readonly administrationEndpoint?: string | undefined;

  /** Each topic's subscriptions: what `topology` makes. Publishing and subscribing need no list. */
  readonly subscriptions?: Readonly<Record<string, readonly string[]>> | undefined;
  /** Topics that are plain queues: one subscription reads each. All that the Basic tier has. */
  readonly queues?: readonly string[] | undefined;
  /** Stands before every name, so that dev and test can share a namespace. */
  readonly prefix?: string | undefined;
  /** Physical names set by hand: of a topic by `topic`, of a subscription's own queue by `topic/subscription`. */
  readonly names?: Readonly<Record<string, string>> | undefined;
  /**
   * Default true: each subscription forwards to a queue of its own, which is what is read, and where delayed retries and redrives go without another
   * subscription seeing them. False: the subscription itself is read; retries wait in place.
   */
  readonly ownQueues?: boolean | undefined;

  /** Default `none`. Whether an entity requires sessions is fixed when it is created. */
  readonly sessions?: ServiceBusSessions | undefined;
  /** Default 16, 1 to 1 000. All processes must agree: a key changes its bucket with their number. */
  readonly buckets?: number | undefined;
  /** Sessions that one receiver holds at a time, 1 to 1 000. Default 16. */
  readonly maxSessions?: number | undefined;
  /** A session without messages is given up after so long, or one at a time after a tenth of it where all places are taken; 10 to 600 000. Default 1 000. */
  readonly sessionIdleMs?: number | undefined;
  /** A busy session is given up after so long, so that others get their turn, 1 000 to 3 600 000. Default 30 000. */
  readonly sessionHoldMs?: number | undefined;

  /** Lock duration of the entities, 1 000 to 300 000 (the service takes 5 000 and more); what `topology` creates. Core renews locks. Default 60 000. */
  readonly lockMs?: number | undefined;
  /** The topics (and plain queues) drop a second event of one source and id within so long, 20 s to 7 d; what `topology` creates. Default: they do not. */
  readonly duplicateDetectionMs?: number | undefined;
  /** Messages asked for ahead, 1 to 1 000, as far as the subscription has room for them; with sessions for each session. Default 32. */
  readonly prefetch?: number | undefined;
  /** How long the service may take to answer one call, 100 to 600 000. After that it has failed, kind `transient`. Default 20 000. */
  readonly requestTimeoutMs?: number | undefined;
  /** A receiver that got nothing for so long asks whether its connection is alive, and makes a new one if not; 100 to 600 000. Default 30 000. */
  readonly probeMs?: number | undefined;
  /** Prefix of CloudEvents attributes that are written; both are read. Default `cloudEvents_`, which SQL filters can name without quoting. */
  readonly attributePrefix?: "cloudEvents_" | "cloudEvents:" | undefined;
}

export interface Settings {
  readonly subscriptions: ReadonlyMap<string, readonly string[]>;
  readonly queues: ReadonlySet<string>;
  readonly prefix: string | undefined;
  readonly names: Readonly<Record<string, string>>;
  readonly ownQueues: boolean;
  readonly sessions: ServiceBusSessions;
  readonly buckets: number;
  readonly maxSessions: number;
  readonly sessionIdleMs: number;
  readonly sessionHoldMs: number;
  readonly lockMs: number;
  /** 0: none. */
  readonly duplicateDetectionMs: number;
  readonly prefetch: number;
  readonly requestTimeoutMs: number;
  readonly probeMs: number;
  readonly attributePrefix: "cloudEvents_" | "cloudEvents:";
}

/** A record, so that the compiler asks for every new option. */
const KNOWN: Readonly<Record<keyof ServiceBusOptions, true>> = {
  connectionString: true,
  namespace: true,
  credential: true,
  webSocket: true,
  customEndpoint: true,
  administrationEndpoint: true,
  subscriptions: true,
  queues: true,
  prefix: true,
  names: true,
  ownQueues: true,
  sessions: true,
  buckets: true,
  maxSessions: true,
  sessionIdleMs: true,
  sessionHoldMs: true,
  lockMs: true,
  duplicateDetectionMs: true,
  prefetch: true,
  requestTimeoutMs: true,
  probeMs: true,
  attributePrefix: true,
};

/** Refuses what is unknown or out of range, and fills in the defaults. Credentials are `connect`'s to check. */
export function checkOptions(options: ServiceBusOptions): Settings {
  check.known(options, KNOWN, "serviceBus({ … })");
  if (options.prefix !== undefined) checkLogicalName("prefix", options.prefix);
  const queues = checkQueues(options.queues ?? []);
  const dedupe = options.duplicateDetectionMs;
  return {
    subscriptions: checkReaders(check.subscriptions(options.subscriptions), queues),
    queues,
    prefix: options.prefix,
    names: { ...options.names },
    ownQueues: check.fact("ownQueues", options.ownQueues ?? true),
    sessions: check.oneOf("sessions", options.sessions ?? "none", ["none", "buckets", "key"]),
    buckets: check.whole("buckets", options.buckets ?? 16, 1, 1_000),
    maxSessions: check.whole("maxSessions", options.maxSessions ?? 16, 1, 1_000),
    sessionIdleMs: check.milliseconds("sessionIdleMs", options.sessionIdleMs ?? 1_000, 10, 600_000),
    sessionHoldMs: check.milliseconds("sessionHoldMs", options.sessionHoldMs ?? 30_000, 1_000, 3_600_000),
    lockMs: check.milliseconds("lockMs", options.lockMs ?? 60_000, 1_000, 300_000),
    duplicateDetectionMs:
      dedupe === undefined ? 0 : check.milliseconds("duplicateDetectionMs", dedupe, 20_000, 604_800_000),
    prefetch: check.whole("prefetch", options.prefetch ?? 32, 1, 1_000),
    requestTimeoutMs: check.milliseconds("requestTimeoutMs", options.requestTimeoutMs ?? 20_000, 100, 600_000),
    probeMs: check.milliseconds("probeMs", options.probeMs ?? 30_000, 100, 600_000),
    attributePrefix: check.oneOf("attributePrefix", options.attributePrefix ?? "cloudEvents_", [
      "cloudEvents_",
      "cloudEvents:",
    ]),
  };
}

function checkQueues(queues: readonly string[]): ReadonlySet<string> {
  if (!Array.isArray(queues)) throw refused("queues", "must be a list of topic names");
  for (const queue of queues) checkLogicalName("topic", queue);
  return new Set(queues);
}

/** A plain queue's readers share its messages. */
function checkReaders(
  subscriptions: ReadonlyMap<string, readonly string[]>,
  queues: ReadonlySet<string>,
): ReadonlyMap<string, readonly string[]> {
  for (const [topic, list] of subscriptions) {
    if (queues.has(topic) && list.length > 1) {
      throw refused(
        `subscriptions.${topic}`,
        "names several, but it is a plain queue, whose readers share its messages",
      );
    }
  }
  return subscriptions;
}

const refused = (option: string, problem: string) => serviceBusErrors.WB_SERVICE_BUS_OPTION({ option, problem });
const check = optionChecks(refused);
