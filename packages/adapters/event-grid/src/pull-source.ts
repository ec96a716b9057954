import type { Call } from "@waybill/core/spi";
import { classify, failedCall } from "./classify.ts";
import type { RestClient } from "./rest-client.ts";

/** What the service says of an event that it hands over. */
export interface BrokerProperties {
  readonly lockToken: string;
  /** From 1. */
  readonly deliveryCount: number;
}

export interface PulledEvent extends BrokerProperties {
  readonly event: Readonly<Record<string, unknown>>;
}

/** What may be done with lock tokens. */
export type TokenCall =
  | { readonly operation: "acknowledge" | "reject" | "renewLock" }
  | { readonly operation: "release"; readonly delayMs: number };

/** One event subscription of a namespace topic, by REST: `@azure/eventgrid-namespaces` drops every extension and loses falsy data. */
export interface PullSource {
  /** For errors: topic/subscription as the service knows them. */
  readonly place: string;
  /** Waits for the first event. */
  receive(max: number): Promise<readonly PulledEvent[]>;
  /** The error of each token that failed; those that are missing succeeded. */
  settle(
    call: TokenCall,
    tokens: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<ReadonlyMap<string, unknown>>;
  /** Whether topic and event subscription exist. Takes nothing: it renews a lock that nobody has. */
  exists(signal: AbortSignal | undefined): Promise<boolean>;
}

export interface PullSourceOptions {
  readonly client: RestClient;
  readonly topic: string;
  readonly subscription: string;
  readonly maxWaitMs: number;
  readonly call: Call;
  /** As `call`, with room for the wait. */
  readonly patientCall: Call;
}

/** Well formed, and nobody's. */
const NO_TOKEN = "A".repeat(32);
const JSON_TYPE = "application/json";

const DOING: Readonly<Record<TokenCall["operation"], string>> = {
  acknowledge: "Acknowledging in",
  reject: "Rejecting in",
  renewLock: "Renewing in",
  release: "Releasing to",
};

export function createPullSource(options: PullSourceOptions): PullSource {
  const { client, topic, subscription, call, patientCall } = options;
  const path = (operation: string) => `/topics/${topic}/eventsubscriptions/${subscription}:${operation}`;
  const place = `${topic}/${subscription}`;
  const withTokens =
    (operation: string, query: Record<string, string>, lockTokens: readonly string[]) => (signal: AbortSignal) =>
      client({ path: path(operation), query, body: JSON.stringify({ lockTokens }), contentType: JSON_TYPE }, signal);

  return {
    place,
    async receive(max) {
      const query = { maxEvents: String(max), maxWaitTime: String(Math.ceil(options.maxWaitMs / 1_000)) };
      try {
        return eventsOf(await patientCall(undefined, (signal) => client({ path: path("receive"), query }, signal)));
      } catch (error) {
        throw failedCall("Receiving from", place, error);
      }
    },
    async settle(what, tokens, signal) {
      const query: Record<string, string> =
        what.operation === "release" ? { releaseDelayInSeconds: String(what.delayMs / 1_000) } : {};
      try {
        return failuresOf(await call(signal, withTokens(what.operation, query, tokens)), tokens);
      } catch (error) {
        throw failedCall(DOING[what.operation], place, error);
      }
    },
    async exists(signal) {
      try {
        await call(signal, withTokens("renewLock", {}, [NO_TOKEN]));
        return true;
      } catch (error) {
        const kind = classify(error);
        if (kind === "not-found") return false;
        // It read the request, so there is something to read it.
        if (kind === "invalid") return true;
        throw failedCall("Asking", place, error);
      }
    },
  };
}

function eventsOf(answer: unknown): readonly PulledEvent[] {
  const value = (answer as { value?: unknown } | undefined)?.value;
  if (!Array.isArray(value)) return [];
  return value.flatMap((one: { brokerProperties?: Partial<PulledEvent>; event?: unknown }) => {
    const { lockToken, deliveryCount } = one?.brokerProperties ?? {};
    if (typeof lockToken !== "string" || typeof one.event !== "object" || one.event === null) return [];
    return [{ lockToken, deliveryCount: deliveryCount ?? 1, event: one.event as PulledEvent["event"] }];
  });
}

interface TokenAnswer {
  readonly succeededLockTokens?: readonly string[];
  readonly failedLockTokens?: readonly {
    readonly lockToken: string;
    readonly error?: { code?: string; message?: string };
  }[];
}

function failuresOf(answer: unknown, tokens: readonly string[]): ReadonlyMap<string, unknown> {
  const { succeededLockTokens = [], failedLockTokens = [] } = (answer ?? {}) as TokenAnswer;
  const failures = new Map<string, unknown>();
  for (const { lockToken, error } of failedLockTokens) {
    failures.set(lockToken, Object.assign(new Error(error?.message ?? "The token failed."), { code: error?.code }));
  }
  const succeeded = new Set(succeededLockTokens);
  for (const token of tokens) {
    if (succeeded.has(token) || failures.has(token)) continue;
    failures.set(token, Object.assign(new Error("The answer does not name the token."), { code: "PARSE_ERROR" }));
  }
  return failures;
}
