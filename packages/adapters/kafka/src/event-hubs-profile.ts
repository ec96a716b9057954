import { kafkaErrors } from "./errors.ts";

/** Azure Event Hubs as a Kafka cluster: tier Standard and above. */
export interface EventHubsProfile {
  /** Of the namespace: `Endpoint=sb://NAME.servicebus.windows.net/;SharedAccessKeyName=…;SharedAccessKey=…`. An endpoint with a port is asked there. */
  readonly connectionString: string;
}

/**
 * The service's own figures: docs "Apache Kafka configurations for Event Hubs". It closes connections that bring a request of more than 1 046 528 bytes; what
 * it recommends leaves room for what a request has beside its messages, a few bytes for each partition.
 */
const MAX_REQUEST_BYTES = 1_000_000;
const REQUEST_TIMEOUT_MS = 60_000;
const MIN_REQUEST_TIMEOUT_MS = 20_000;
const SESSION_TIMEOUT_MS = { min: 6_000, max: 300_000 };
const PORT = 9093;

/** The options that the profile looks at. */
interface BesideProfile {
  readonly eventHubs?: EventHubsProfile | undefined;
  readonly brokers?: unknown;
  readonly ssl?: unknown;
  readonly sasl?: unknown;
  readonly compression?: string | undefined;
  readonly sessionTimeoutMs?: number | undefined;
  readonly requestTimeoutMs?: number | undefined;
}

/** What the profile stands for. Options that are given beside it win, but for where and how to sign in, and what the service does not take. */
export function eventHubsProfile(given: BesideProfile) {
  for (const option of ["brokers", "ssl", "sasl"] as const) {
    if (given[option] !== undefined) throw refused(option, "is set by eventHubs; give one or the other");
  }
  if (given.compression === "zstd") throw refused("compression", "must be none or gzip: Event Hubs takes no other");
  const { sessionTimeoutMs = SESSION_TIMEOUT_MS.min, requestTimeoutMs = REQUEST_TIMEOUT_MS } = given;
  if (sessionTimeoutMs < SESSION_TIMEOUT_MS.min || sessionTimeoutMs > SESSION_TIMEOUT_MS.max) {
    const { min, max } = SESSION_TIMEOUT_MS;
    throw refused("sessionTimeoutMs", `must be between ${min} and ${max} milliseconds: Event Hubs takes no other`);
  }
  if (requestTimeoutMs < MIN_REQUEST_TIMEOUT_MS) {
    throw refused("requestTimeoutMs", `must be ${MIN_REQUEST_TIMEOUT_MS} at least: Event Hubs may take as long`);
  }
  const connectionString = given.eventHubs?.connectionString;
  return {
    options: {
      brokers: [brokerOf(connectionString)],
      ssl: true,
      sasl: { mechanism: "plain", username: "$ConnectionString", password: connectionString as string } as const,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      // Hubs are not made through Kafka's admin interface.
      createTopics: false,
      idempotent: false,
    },
    maxMessageBytes: MAX_REQUEST_BYTES,
  };
}

function brokerOf(connectionString: unknown): string {
  if (typeof connectionString !== "string") throw unfit("is missing");
  const parts = new Map(
    connectionString.split(";").map((part): [string, string] => {
      const at = part.indexOf("=");
      return [part.slice(0, at).trim(), part.slice(at + 1).trim()];
    }),
  );
  const { hostname, port } = URL.parse(parts.get("Endpoint") ?? "") ?? {};
  if (!hostname) throw unfit("has no Endpoint=sb://…");
  if (!parts.get("SharedAccessKeyName") || !parts.get("SharedAccessKey")) {
    throw unfit("has no SharedAccessKeyName or SharedAccessKey");
  }
  return `${hostname}:${port || PORT}`;
}

const unfit = (problem: string) => refused("eventHubs.connectionString", problem);
const refused = (option: string, problem: string) => kafkaErrors.WB_KAFKA_OPTION({ option, problem });
