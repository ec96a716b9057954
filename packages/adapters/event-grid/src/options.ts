import type { BearerTokenAuthenticationPolicyOptions, PipelineOptions } from "@azure/core-rest-pipeline";
import { checkLogicalName, optionChecks } from "@waybill/core/spi";
import type { Kind } from "./capabilities.ts";
import { eventGridErrors } from "./errors.ts";
import type { EventGridManagement } from "./management.ts";
import { checkWebhookOptions, type WebhookOptions, type WebhookSettings } from "./webhook/webhook-options.ts";

/** What `@azure/identity` makes, such as `new DefaultAzureCredential()`. */
export type TokenCredential = NonNullable<BearerTokenAuthenticationPolicyOptions["credential"]>;

/** An endpoint and exactly one way to sign in there. */
export interface EventGridAccess {
  /** As the portal shows it. `http` only on this machine, for an emulator. */
  readonly endpoint?: string | undefined;
  /** One of the resource's two access keys. */
  readonly key?: string | undefined;
  /** A shared access signature: `r=…&e=…&s=…`. */
  readonly sas?: string | undefined;
  /** Entra ID, with the role EventGrid Data Sender, and EventGrid Data Receiver to pull. */
  readonly credential?: TokenCredential | undefined;
}

export interface EventGridOptions extends EventGridAccess {
  /**
   * `namespace` (default): namespace topics at `endpoint`, publish and pull. `domain`: an event domain at `endpoint`, publish only. `custom`: the custom
   * topics in `topics`, publish only. What the latter two deliver comes by webhook, or through a queue or hub.
   */
  readonly kind?: Kind | undefined;
  /** Of kind `custom`: each topic's endpoint and sign-in, by logical name; the sign-in is this adapter's own where a topic has none. */
  readonly topics?: Readonly<Record<string, EventGridAccess>> | undefined;

  /** Each topic's subscriptions. Needed for `topology` only: the service itself copies to every event subscription. */
  readonly subscriptions?: Readonly<Record<string, readonly string[]>> | undefined;
  /** Stands before every topic name, so that dev and test can share a namespace. */
  readonly prefix?: string | undefined;
  /** Names set by hand: `orders`, `orders/billing/own` and `orders/billing/dead` are topics, `orders/billing` is an event subscription. */
  readonly names?: Readonly<Record<string, string>> | undefined;

  /**
   * How long a received event is locked: no longer than the event subscription's `receiveLockDurationInSeconds`, which the service does not tell; 1 000 to
   * 300 000. Core renews it. Default 60 000, as in the service.
   */
  readonly lockMs?: number | undefined;
  /**
   * The event subscription's own, 1 to 10, which the service does not tell. After so many deliveries it gives an event up, dead-letters or drops it, also when a process dies with it
   * in hand. Where something reaches the subscription alone, an event is moved there instead of being delivered for the last time. Default 10, as in the service; with 1 nothing is moved.
   */
  readonly maxDeliveryCount?: number | undefined;
  /** How long the service waits with its answer while there is nothing, 10 000 to 120 000, whole seconds. Each wait is one operation on the bill. Default 60 000. */
  readonly maxWaitMs?: number | undefined;
  /** How long the service may take to answer one call, besides that wait, 100 to 600 000. Then the call has failed, kind `transient`. Default 30 000. */
  readonly requestTimeoutMs?: number | undefined;
  /**
   * Subscriptions, as `topic/subscription`, whose event subscription is known to have a dead-letter destination: what is given up is rejected into it, and
   * Event Grid writes its own reason there, not ours. All others: core copies to `topic/subscription/dead` with the reason. Default none.
   */
  readonly deadLettered?: readonly string[] | undefined;
  /** Who may send to the webhooks of this adapter, and how long they wait. Needed where anything is pushed. */
  readonly webhook?: WebhookOptions | undefined;
  /** Subscriptions of namespace topics, as `topic/subscription`, that push to a webhook instead of waiting to be pulled. Default none. */
  readonly pushed?: readonly string[] | undefined;
  /** Lets `topology` create what is missing; without it the plan names the `az` commands. */
  readonly management?: EventGridManagement | undefined;
  /** For the HTTP pipeline: proxy, TLS, agent. */
  readonly client?: Pick<PipelineOptions, "proxyOptions" | "tlsOptions" | "agent" | "userAgentOptions"> | undefined;
}

export interface Settings {
  readonly kind: Kind;
  readonly subscriptions: ReadonlyMap<string, readonly string[]>;
  readonly prefix: string | undefined;
  readonly names: Readonly<Record<string, string>>;
  readonly lockMs: number;
  readonly maxDeliveryCount: number;
  readonly maxWaitMs: number;
  readonly requestTimeoutMs: number;
  readonly deadLettered: ReadonlySet<string>;
  readonly webhook: WebhookSettings | undefined;
  readonly pushed: ReadonlySet<string>;
}

/** A record, so that the compiler asks for every new option. */
const KNOWN: Readonly<Record<keyof EventGridOptions, true>> = {
  kind: true,
  endpoint: true,
  key: true,
  sas: true,
  credential: true,
  topics: true,
  subscriptions: true,
  prefix: true,
  names: true,
  lockMs: true,
  maxDeliveryCount: true,
  maxWaitMs: true,
  requestTimeoutMs: true,
  deadLettered: true,
  webhook: true,
  pushed: true,
  management: true,
  client: true,
};

const KINDS: readonly Kind[] = ["namespace", "custom", "domain"];

/** Refuses what is unknown or out of range, and fills in the defaults. Credentials are `access.ts`'s to check. */
export function checkOptions(options: EventGridOptions): Settings {
  check.known(options, KNOWN, "eventGrid({ … })");
  const kind = check.oneOf("kind", options.kind ?? "namespace", KINDS);
  if (kind === "custom" && options.topics === undefined)
    throw refused("topics", "is missing: each custom topic has its own endpoint");
  if (kind !== "custom" && options.topics !== undefined)
    throw refused("topics", `stands beside kind ${kind}; it goes with kind custom`);
  if (options.prefix !== undefined) checkLogicalName("prefix", options.prefix);
  const webhook = options.webhook === undefined ? undefined : checkWebhookOptions(options.webhook);
  const pushed = places("pushed", options.pushed);
  if (pushed.size > 0 && webhook === undefined) throw refused("pushed", "needs webhook beside it");
  if (pushed.size > 0 && kind !== "namespace")
    throw refused("pushed", `stands beside kind ${kind}, where everything is pushed`);
  return {
    kind,
    subscriptions: check.subscriptions(options.subscriptions),
    prefix: options.prefix,
    names: { ...options.names },
    lockMs: check.milliseconds("lockMs", options.lockMs ?? 60_000, 1_000, 300_000),
    maxDeliveryCount: check.whole("maxDeliveryCount", options.maxDeliveryCount ?? 10, 1, 10),
    maxWaitMs: check.milliseconds("maxWaitMs", options.maxWaitMs ?? 60_000, 10_000, 120_000),
    requestTimeoutMs: check.milliseconds("requestTimeoutMs", options.requestTimeoutMs ?? 30_000, 100, 600_000),
    deadLettered: places("deadLettered", options.deadLettered),
    webhook,
    pushed,
  };
}

function places(option: string, given: readonly string[] | undefined): ReadonlySet<string> {
  const list = given ?? [];
  if (!Array.isArray(list) || !list.every((one) => typeof one === "string" && /^[^/]+\/[^/]+$/.test(one)))
    throw refused(option, "must be a list of topic/subscription");
  return new Set(list);
}

const refused = (option: string, problem: string) => eventGridErrors.WB_EVENT_GRID_OPTION({ option, problem });
const check = optionChecks(refused);
