import { checkLogicalName, createNaming, deadTopic, ownTopic } from "@waybill/core/spi";
import { kafkaErrors } from "./errors.ts";
import type { Settings } from "./options.ts";

const TOPIC_NAME = /^[a-zA-Z0-9._-]+$/;
/** Of topics; groups may be longer, but keep to it, for a group is named like its retry topic. */
const MAX_LENGTH = 249;
const MAX_GROUP_LENGTH = 255;

export interface KafkaNames {
  /** `topic`, `topic/subscription` (its retry topic), `topic/subscription/dead`, as the cluster calls them. */
  topic(logical: string): string;
  /** Always prefix, topic and subscription: a group that spans topics gives partitions of one to members that do not read it. */
  group(topic: string, subscription: string): string;
}

/** Joined by dots, which logical names do not have. Throws for a name that Kafka does not take, or that two would share. */
export function createNames(settings: Pick<Settings, "prefix" | "names" | "groups" | "subscriptions">): KafkaNames {
  const { prefix, names, groups } = settings;
  for (const [logical, name] of Object.entries(names)) check("topic", logical, name, MAX_LENGTH);
  for (const [logical, name] of Object.entries(groups)) check("group", logical, name, MAX_GROUP_LENGTH);
  const topic = createNaming({ entity: "topic", maxLength: MAX_LENGTH, separator: ".", prefix, names });
  const group = createNaming({ entity: "group", maxLength: MAX_LENGTH, separator: ".", prefix, names: groups });
  const out: KafkaNames = {
    topic,
    group(of, subscription) {
      checkLogicalName("subscription", subscription);
      return group(ownTopic(of, subscription));
    },
  };
  // What can be known at construction is checked there.
  for (const logical of Object.keys(names)) topic(logical);
  for (const [of, list] of settings.subscriptions) {
    topic(of);
    for (const name of list) {
      topic(ownTopic(of, name));
      topic(deadTopic(of, name));
      out.group(of, name);
    }
  }
  return out;
}

function check(what: string, logical: string, name: string, maxLength: number): void {
  const [topic = "", subscription, dead, ...rest] = logical.split("/");
  checkLogicalName("topic", topic);
  if (subscription !== undefined) checkLogicalName("subscription", subscription);
  const isPlace = rest.length === 0 && (dead === undefined || dead === "dead");
  if (!isPlace)
    throw refused(what, logical, name, "is for nothing: keys are topic, topic/subscription, topic/subscription/dead");
  if (typeof name !== "string" || name === "") throw refused(what, logical, String(name), "is empty");
  if (name.length > maxLength) throw refused(what, logical, name, `is longer than ${maxLength} characters`);
  if (what === "group") return;
  if (!TOPIC_NAME.test(name)) throw refused(what, logical, name, "has characters that topic names do not take");
  if (name === "." || name === "..") throw refused(what, logical, name, "is not allowed");
}

const refused = (what: string, logical: string, name: string, problem: string) =>
  kafkaErrors.WB_KAFKA_NAME({ what, logical, name, problem });
