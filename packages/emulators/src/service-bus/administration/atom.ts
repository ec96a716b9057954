import { type Entity, pathOf, type SubscriptionEntity, type TopicEntity } from "../broker/entity.ts";
import { bytesOf } from "../broker/router.ts";
import type { Rule } from "../rules/rule.ts";
import { QUEUE_SETTINGS, SUBSCRIPTION_SETTINGS, TOPIC_SETTINGS } from "../setting-names.ts";
import { writeAuthorizationRules } from "./authorization-rules-xml.ts";
import { writeRule } from "./rule-xml.ts";
import { writeSettings } from "./settings-xml.ts";
import { escapeXml, tag } from "./xml.ts";

const ATOM = { xmlns: "http://www.w3.org/2005/Atom" };
const CONNECT = {
  xmlns: "http://schemas.microsoft.com/netservices/2010/10/servicebus/connect",
  "xmlns:i": "http://www.w3.org/2001/XMLSchema-instance",
};
const COUNTS = { "xmlns:d2p1": "http://schemas.microsoft.com/netservices/2011/06/servicebus" };

const iso = (ms: number) => new Date(ms).toISOString();

const NEVER = "0001-01-01T00:00:00Z";

/** Where the client reached us: `http://host:port`. */
export type Origin = string;

export const entityEntry = (entity: Entity, origin: Origin): string =>
  entry(origin, pathOf(entity), entity.name, entity.createdAt, entity.updatedAt, describe(entity, origin));

export function ruleEntry(subscription: SubscriptionEntity, rule: Rule, origin: Origin): string {
  const { name } = rule.description;
  const body = tag("RuleDescription", writeRule(rule), CONNECT);
  return entry(origin, `${pathOf(subscription)}/Rules/${name}`, name, rule.createdAt, rule.createdAt, body);
}

export function namespaceEntry(origin: Origin, startedAt: number): string {
  const host = origin.replace(/^[a-z]+:\/\//, "");
  const body = tag(
    "NamespaceInfo",
    tag("CreatedTime", iso(startedAt)) +
      tag("MessagingSKU", "Standard") +
      tag("ModifiedTime", iso(startedAt)) +
      tag("Name", escapeXml(host.replace(/[:.].*$/, ""))) +
      tag("NamespaceType", "Messaging"),
    CONNECT,
  );
  return entry(origin, "$namespaceinfo", host, startedAt, startedAt, body);
}

/** A page; with a link to the next when there is one. */
export function feed(
  path: string,
  title: string,
  entries: readonly string[],
  next: string | undefined,
  origin: Origin,
): string {
  const link = (rel: string, href: string) => `<link rel="${rel}" href="${escapeXml(href)}"/>`;
  return tag(
    "feed",
    tag("title", escapeXml(title), { type: "text" }) +
      tag("id", escapeXml(`${origin}/${path}`)) +
      tag("updated", iso(Date.now())) +
      link("self", `${origin}/${path}`) +
      (next === undefined ? "" : link("next", next)) +
      entries.join(""),
    ATOM,
  );
}

function entry(
  origin: Origin,
  path: string,
  title: string,
  createdAt: number,
  updatedAt: number,
  body: string,
): string {
  return tag(
    "entry",
    tag("id", escapeXml(`${origin}/${path}?api-version=2021-05`)) +
      tag("title", escapeXml(title), { type: "text" }) +
      tag("published", iso(createdAt)) +
      tag("updated", iso(updatedAt)) +
      tag("author", tag("name", "emulator")) +
      tag("content", body, { type: "application/xml" }),
    ATOM,
  );
}

function describe(entity: Entity, origin: Origin): string {
  const dates =
    tag("CreatedAt", iso(entity.createdAt)) +
    tag("UpdatedAt", iso(entity.updatedAt)) +
    tag("AccessedAt", entity.accessedAt === undefined ? NEVER : iso(entity.accessedAt));
  const availability = tag("EntityAvailabilityStatus", "Available");
  const size = tag("SizeInBytes", String(bytesOf(entity)));
  if (entity.kind === "topic") {
    const settings = writeSettings(entity.settings, TOPIC_SETTINGS, origin);
    const counts = countDetails({ scheduled: entity.scheduled.size });
    const subscriptions = tag("SubscriptionCount", String(entity.subscriptions.size)) + filterCounts(entity);
    const rules = writeAuthorizationRules(entity.settings.authorizationRules);
    return tag("TopicDescription", settings + rules + size + dates + counts + subscriptions + availability, CONNECT);
  }
  const { main, deadLetters, transferDeadLetters } = entity.stores;
  const scheduled = entity.kind === "queue" ? entity.scheduled.size : 0;
  const total = main.size + deadLetters.size + transferDeadLetters.size + scheduled;
  const counts = countDetails({
    active: main.size,
    deadLetter: deadLetters.size,
    scheduled,
    transferDeadLetter: transferDeadLetters.size,
  });
  const rest = tag("MessageCount", String(total)) + dates + counts + availability;
  if (entity.kind === "queue")
    return tag(
      "QueueDescription",
      writeSettings(entity.settings, QUEUE_SETTINGS, origin) +
        writeAuthorizationRules(entity.settings.authorizationRules) +
        size +
        rest,
      CONNECT,
    );
  return tag("SubscriptionDescription", writeSettings(entity.settings, SUBSCRIPTION_SETTINGS, origin) + rest, CONNECT);
}

/** Over all subscriptions. What takes everything or nothing is an SQL filter too. */
function filterCounts({ subscriptions }: TopicEntity): string {
  const filters = [...subscriptions.values()].flatMap(({ rules }) =>
    [...rules.values()].map((one) => one.description.filter),
  );
  const correlation = filters.filter(({ kind }) => kind === "correlation").length;
  return (
    tag("SqlFilterCount", String(filters.length - correlation)) + tag("CorrelationFilterCount", String(correlation))
  );
}

function countDetails(counts: {
  active?: number;
  deadLetter?: number;
  scheduled?: number;
  transferDeadLetter?: number;
}): string {
  const count = (name: string, value = 0) => tag(`d2p1:${name}`, String(value));
  return tag(
    "CountDetails",
    count("ActiveMessageCount", counts.active) +
      count("DeadLetterMessageCount", counts.deadLetter) +
      count("ScheduledMessageCount", counts.scheduled) +
      count("TransferMessageCount") +
      count("TransferDeadLetterMessageCount", counts.transferDeadLetter),
    COUNTS,
  );
}
