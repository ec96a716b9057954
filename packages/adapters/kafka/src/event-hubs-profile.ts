import { kafkaErrors } from "./errors.ts";
import type { KafkaOptions } from "./options.ts";

/** Azure Event Hubs as a Kafka cluster: tier Standard and above. */
export interface EventHubsProfile {
  /** Of the namespace: `Endpoint=sb://NAME.servicebus.windows.net/;SharedAccessKeyName=…;SharedAccessKey=…`. */
  readonly connectionString: string;
}

/** The service's own figures: docs "Apache Kafka configurations for Event Hubs", max.request.size < 1 046 528. */
const MAX_REQUEST_BYTES = 1_046_000;
const REQUEST_TIMEOUT_MS = 60_000;
const PORT = 9093;

/** What the profile stands for. Options that are given beside it win, but for where and how to sign in. */
export function eventHubsProfile(given: KafkaOptions): { options: KafkaOptions; maxMessageBytes: number } {
  for (const option of ["brokers", "ssl", "sasl"] as const) {
    if (given[option] !== undefined) throw refused(option, "is set by eventHubs; give one or the other");
  }
  if (given.compression === "zstd") throw refused("compression", "must be none or gzip: Event Hubs takes no other");
  const connectionString = given.eventHubs?.connectionString;
  return {
    options: {
      brokers: [`${hostOf(connectionString)}:${PORT}`],
      ssl: true,
      sasl: { mechanism: "plain", username: "$ConnectionString", password: connectionString as string },
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      // Hubs are not made through Kafka's admin interface.
      createTopics: false,
      idempotent: false,
    },
    maxMessageBytes: MAX_REQUEST_BYTES,
  };
}

function hostOf(connectionString: unknown): string {
  if (typeof connectionString !== "string") throw unfit("is missing");
  const parts = new Map(
    connectionString.split(";").map((part): [string, string] => {
      const at = part.indexOf("=");
      return [part.slice(0, at).trim(), part.slice(at + 1).trim()];
    }),
  );
  const host = URL.parse(parts.get("Endpoint") ?? "")?.hostname;
  if (!host) throw unfit("has no Endpoint=sb://…");
  if (!parts.get("SharedAccessKeyName") || !parts.get("SharedAccessKey")) {
    throw unfit("has no SharedAccessKeyName or SharedAccessKey");
  }
  return host;
}

const unfit = (problem: string) => refused("eventHubs.connectionString", problem);
const refused = (option: string, problem: string) => kafkaErrors.WB_KAFKA_OPTION({ option, problem });
