import { type Assessment, type AssessOptions, assess, isWaybillError } from "@waybill/core";
import { type Adapter, type Description, type ErrorKind, redacted } from "@waybill/core/spi";
import type { LoadedConfig } from "./load-config.ts";
import type { SubscriptionSettings } from "./resolve-config.ts";

/** What one declared subscription would get, or why that cannot be said. */
export interface SubscriptionReport {
  readonly topic: string;
  readonly subscription: string;
  /** The broker's name in the configuration. */
  readonly broker: string;
  readonly adapter: string;
  /** Absent where there is a problem. */
  readonly assessment?: Assessment;
  readonly limits?: Limits;
  /** The broker could not be reached: what was taken for granted instead. */
  readonly assumed?: string;
  readonly problem?: ReportProblem;
}

export interface ReportProblem {
  /** `refused`: opening it would fail the same way. `unknown`: it cannot be found out now. */
  readonly kind: "refused" | "unknown";
  readonly code?: string;
  readonly text: string;
  /** The broker cannot be reached or refuses the credentials. */
  readonly brokerFault: boolean;
}

/** In bytes, messages and milliseconds; absent where the broker has no such thing. */
export interface Limits {
  readonly maxMessageBytes: number;
  readonly maxSendBatch: number;
  readonly maxSendBatchBytes: number;
  readonly maxReceiveBatch: number;
  readonly leaseMs?: number;
  readonly maxScheduleMs?: number;
  readonly maxReleaseMs?: number;
}

/** It passes by itself, or with the right key. */
const BROKER_FAULTS: readonly ErrorKind[] = ["transient", "throttled", "unauthorized"];

/**
 * What every declared subscription would get on its broker, decided as a running one decides it. Opens no receiver and takes nothing; only adapters whose
 * options do not say everything ask their broker. The options in code are not known here: what the configuration leaves open has its default.
 */
export async function assessConfig(
  loaded: LoadedConfig,
  adapters: Readonly<Record<string, Adapter>>,
  signal: AbortSignal,
): Promise<readonly SubscriptionReport[]> {
  const { config } = loaded;
  const places = Object.entries(config.topics).flatMap(([topic, { broker, subscriptions }]) =>
    Object.entries(subscriptions).map(([subscription, settings]) => ({ topic, broker, subscription, settings })),
  );
  return Promise.all(
    places.map(async ({ topic, broker, subscription, settings }): Promise<SubscriptionReport> => {
      const adapter = adapters[broker] as Adapter;
      const place = { topic, subscription, broker, adapter: adapter.name };
      if (adapter.describe === undefined) {
        const text = "its adapter says nothing of what it can do before it is opened";
        return { ...place, problem: { kind: "unknown", text, brokerFault: false } };
      }
      try {
        const { retryBroker = broker } = settings;
        const keeper = retryBroker === broker ? undefined : adapters[retryBroker];
        const [description, kept] = await Promise.all([
          adapter.describe({ topic, subscription }, signal),
          keeper?.describe?.({ topic, subscription }, signal),
        ]);
        const returns = keeper && kept && { adapter: keeper.name, description: kept };
        return { ...place, ...reportOf(loaded, topic, subscription, settings, description, returns) };
      } catch (error) {
        return { ...place, problem: problemOf(adapter, error) };
      }
    }),
  );
}

function reportOf(
  { config }: LoadedConfig,
  topic: string,
  name: string,
  settings: SubscriptionSettings,
  description: Description,
  returns: AssessOptions["returns"],
): Pick<SubscriptionReport, "assessment" | "limits" | "assumed"> {
  const { sender, receiver } = description;
  const assumed = description.assumed ?? returns?.description.assumed;
  const { retryBroker: _, ...options } = settings;
  return {
    ...(assumed === undefined ? {} : { assumed }),
    assessment: assess({
      topic,
      options: { ...options, name },
      description,
      returns,
      inbox: config.inbox !== undefined,
      outbox: config.outbox !== undefined,
      claimCheck: config.claimCheck !== undefined,
    }),
    limits: {
      maxMessageBytes: sender.maxMessageBytes,
      maxSendBatch: sender.maxSendBatch,
      maxSendBatchBytes: sender.maxSendBatchBytes,
      maxReceiveBatch: receiver.maxReceiveBatch,
      ...(receiver.lease === false ? {} : { leaseMs: receiver.lease.ms }),
      ...(sender.schedule === false ? {} : { maxScheduleMs: sender.schedule.maxDelayMs }),
      ...(typeof receiver.release === "object" ? { maxReleaseMs: longest(receiver.release) } : {}),
    },
  };
}

function longest(release: { maxDelayMs: number } | { stepsMs: readonly number[] }): number {
  return "maxDelayMs" in release ? release.maxDelayMs : Math.max(...release.stepsMs);
}

function problemOf(adapter: Adapter, error: unknown): ReportProblem {
  const brokerFault = BROKER_FAULTS.includes(adapter.classify(error));
  const code = isWaybillError(error) ? error.code : undefined;
  const text = isWaybillError(error) ? `${error.sentence} ${error.hint}` : redacted(error);
  return { kind: brokerFault ? "unknown" : "refused", ...(code === undefined ? {} : { code }), text, brokerFault };
}
