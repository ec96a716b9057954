// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how config files refer to variables
import type { Connections } from "./connections.ts";

interface BrokerBlock {
  readonly name: keyof Connections;
  /** What must run beside it. */
  readonly needs?: keyof Connections;
  readonly lines: readonly string[];
}

const BROKERS: readonly BrokerBlock[] = [
  {
    name: "storage",
    lines: ["adapter: storage-queue", "connectionString: ${STORAGE_CONNECTION}", "maxPoll: 200ms"],
  },
  {
    name: "serviceBus",
    lines: ["adapter: service-bus", "connectionString: ${SERVICE_BUS_CONNECTION}", "ownQueues: false"],
  },
  {
    name: "eventHubs",
    needs: "storage",
    lines: [
      "adapter: event-hubs",
      "connectionString: ${EVENT_HUBS_CONNECTION}",
      'checkpoints: { connectionString: "${STORAGE_CONNECTION}" }',
    ],
  },
  {
    name: "eventGrid",
    lines: ["adapter: event-grid", "endpoint: ${EVENT_GRID_ENDPOINT}", "key: ${EVENT_GRID_KEY}"],
  },
  { name: "kafka", lines: ["adapter: kafka", "brokers: ${KAFKA_BROKERS}"] },
];

/**
 * A waybill.config.yaml for what runs. The first broker carries the sample's topic; the others stand beside it as comments. With none,
 * the topic is in memory.
 */
export function configText(connections: Connections): string {
  const runs = (name: keyof Connections | undefined) => name === undefined || connections[name] !== undefined;
  const [chosen, ...others] = BROKERS.filter(({ name, needs }) => runs(name) && runs(needs));
  return [
    "# A config for `waybill dev`. The addresses come from the environment that it prints.",
    "source: /dev",
    "",
    ...(chosen ? block(chosen) : ["broker: memory # in one process only: what one publishes, no other sees"]),
    "",
    ...others.flatMap((one) => ["# Or:", ...block(one).map((line) => `# ${line}`), ""]),
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
