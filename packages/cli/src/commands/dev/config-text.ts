// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how config files refer to variables
import type { Connections } from "./connections.ts";

interface BrokerBlock {
  readonly name: keyof Connections;
  /** False: `@waybill/<adapter>` does not exist yet, so that its block is printed as a comment. */
  readonly isAvailable: boolean;
  readonly lines: readonly string[];
}

const BROKERS: readonly BrokerBlock[] = [
  {
    name: "storage",
    isAvailable: true,
    lines: ["adapter: storage-queue", "connectionString: ${STORAGE_CONNECTION}", "maxPoll: 200ms"],
  },
  {
    name: "serviceBus",
    isAvailable: false,
    lines: ["adapter: service-bus", "connectionString: ${SERVICE_BUS_CONNECTION}"],
  },
  {
    name: "eventHubs",
    isAvailable: false,
    lines: ["adapter: event-hubs", "connectionString: ${EVENT_HUBS_CONNECTION}"],
  },
  {
    name: "eventGrid",
    isAvailable: true,
    lines: ["adapter: event-grid", "endpoint: ${EVENT_GRID_ENDPOINT}", "key: ${EVENT_GRID_KEY}"],
  },
  { name: "kafka", isAvailable: false, lines: ["adapter: kafka", "brokers: ${KAFKA_BROKERS}"] },
];

/**
 * A waybill.config.yaml for what runs. The first broker that has an adapter carries the sample's topic; the others stand beside it
 * as comments. With none, the topic is in memory.
 */
export function configText(connections: Connections): string {
  const running = BROKERS.filter(({ name }) => connections[name] !== undefined);
  const chosen = running.find(({ isAvailable }) => isAvailable);
  const others = running.filter((one) => one !== chosen);
  return [
    "# A config for `waybill dev`. The addresses come from the environment that it prints.",
    "source: /dev",
    "",
    ...(chosen ? block(chosen) : ["broker: memory # in one process only: what one publishes, no other sees"]),
    "",
    ...others.flatMap((one) => [
      one.isAvailable ? "# Or:" : "# Once its adapter exists:",
      ...block(one).map((line) => `# ${line}`),
      "",
    ]),
    "topics:",
    "  orders:",
    "    subscriptions: [billing]",
    "",
    "outbox: { store: sqlite, path: ./waybill-dev.db }",
    "inbox: { store: sqlite, path: ./waybill-dev.db }",
    "",
  ].join("\n");
}

const block = ({ lines }: BrokerBlock) => ["broker:", ...lines.map((line) => `  ${line}`)];
