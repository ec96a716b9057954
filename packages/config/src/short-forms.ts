import type { Document } from "./document.ts";
import { isPlainObject } from "./plain-object.ts";

/** The name of the broker that `broker:` stands for. */
export const ONLY_BROKER = "main";

/**
 * Writes short forms out: `broker: memory` is `brokers: { main: { adapter: memory } }`, a list of subscriptions is a map without
 * settings, an empty section is an empty object. Anything it does not know stays for the schema to refuse.
 */
export function expandShortForms(document: Document): { document: Document; problems: string[]; short: boolean } {
  const { $schema: _, broker, ...rest } = document;
  const problems: string[] = [];
  const { source, prefix, brokers, ...sections } = rest;
  const full: Document = withoutUndefined({ source, prefix, brokers: brokers ?? {}, ...sections });
  if (broker !== undefined) {
    if (rest.brokers !== undefined) problems.push("broker and brokers stand side by side; keep one of them");
    else full.brokers = { [ONLY_BROKER]: typeof broker === "string" ? { adapter: broker } : broker };
  }
  if (isPlainObject(rest.brokers)) {
    full.brokers = mapValues(rest.brokers, (value) => (typeof value === "string" ? { adapter: value } : value));
  }
  if (isPlainObject(rest.topics)) {
    full.topics = mapValues(rest.topics, (topic) => {
      if (topic === null) return {};
      if (!isPlainObject(topic)) return topic;
      const { subscriptions } = topic;
      if (Array.isArray(subscriptions) && subscriptions.every((name) => typeof name === "string")) {
        return { ...topic, subscriptions: Object.fromEntries(subscriptions.map((name: string) => [name, {}])) };
      }
      if (!isPlainObject(subscriptions)) return topic;
      return { ...topic, subscriptions: mapValues(subscriptions, (settings) => settings ?? {}) };
    });
  }
  for (const section of ["topics", "relay"] as const) if (full[section] === null) full[section] = {};
  return { document: full, problems, short: broker !== undefined };
}

function withoutUndefined(object: Document): Document {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

function mapValues(object: Document, change: (value: unknown) => unknown): Document {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
}
