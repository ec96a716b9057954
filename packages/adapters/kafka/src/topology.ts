import { deadTopic, ownTopic, type Topology, type TopologyStep } from "@waybill/core/spi";
import type { KafkaAdmin } from "./admin.ts";
import type { KafkaNames } from "./names.ts";
import type { Settings } from "./options.ts";

interface Needed {
  readonly topic: string;
  readonly use: string;
  /** Undefined: any number will do. */
  readonly partitions: number | undefined;
}

/** Each declared topic, and for each subscription its retry topic and its dead letters. Groups need no making. */
export function createTopology(admin: KafkaAdmin, names: KafkaNames, settings: Settings): Topology {
  const needed = (): Needed[] =>
    [...settings.subscriptions].flatMap(([topic, subscriptions]) => [
      { topic: names.topic(topic), use: `topic ${topic}`, partitions: settings.partitions },
      ...subscriptions.flatMap((subscription) => {
        const own = ownTopic(topic, subscription);
        return [
          { topic: names.topic(own), use: `retries and redrives of subscription ${own}`, partitions: 1 },
          {
            topic: names.topic(deadTopic(topic, subscription)),
            use: `dead letters of subscription ${own}`,
            partitions: 1,
          },
        ];
      }),
    ]);

  const create = ({ topic, use, partitions }: Needed): TopologyStep => ({
    action: "create",
    entity: "topic",
    name: topic,
    detail: `For ${use}${partitions === undefined ? "" : `, with ${partitions} partition${partitions === 1 ? "" : "s"}`}.`,
    apply: async () => void (await admin.create(topic, partitions)),
  });

  const remove = (topic: string): TopologyStep => ({
    action: "delete",
    entity: "topic",
    name: topic,
    detail: "Nothing declares it. What it holds goes with it.",
    apply: () => admin.delete(topic),
  });

  const check = async (wanted: Needed): Promise<TopologyStep | undefined> => {
    const found = await admin.partitionCount(wanted.topic);
    if (found === undefined) return create(wanted);
    if (wanted.partitions === undefined || found >= wanted.partitions) return undefined;
    return {
      action: "refuse",
      entity: "topic",
      name: wanted.topic,
      detail: `It has ${found} of ${wanted.partitions} partitions. More would move keys to other partitions, and their order with them: do it by hand when nothing waits.`,
    };
  };

  return {
    async plan({ prune }) {
      const wanted = needed();
      const steps = (await Promise.all(wanted.map(check))).filter((step) => step !== undefined);
      if (!prune) return steps;
      const kept = new Set(wanted.map(({ topic }) => topic));
      const ours = (await admin.topics()).filter((topic) => !kept.has(topic) && isOurs(topic, settings));
      return [...steps, ...ours.map(remove)];
    },
  };
}

const LOGICAL_NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;

/**
 * Named as this adapter names topics: below its prefix; without one, only what belongs to a subscription of a topic that is declared, since
 * any topic might be called so.
 */
function isOurs(name: string, { prefix, subscriptions }: Pick<Settings, "prefix" | "subscriptions">): boolean {
  const parts = name.split(".");
  if (prefix !== undefined && parts.shift() !== prefix) return false;
  const [topic = "", subscription, dead, ...rest] = parts;
  if (rest.length > 0 || (dead !== undefined && dead !== "dead")) return false;
  if (!LOGICAL_NAME.test(topic) || (subscription !== undefined && !LOGICAL_NAME.test(subscription))) return false;
  return prefix !== undefined || (subscription !== undefined && subscriptions.has(topic));
}
