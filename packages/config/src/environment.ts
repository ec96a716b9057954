import { didYouMean } from "./did-you-mean.ts";
import type { Document } from "./document.ts";
import { isPlainObject } from "./plain-object.ts";
import { brokerSchemas } from "./schema/brokers.ts";
import { fullSchema } from "./schema/file-schema.ts";
import { keysAt } from "./schema/known-keys.ts";

const SECTIONS = ["outbox", "inbox", "relay", "claimCheck"] as const;

/** `brokers.main.connectionString` → `WAYBILL_BROKERS_MAIN_CONNECTION_STRING`. */
function variableName(path: string): string {
  return `WAYBILL_${path
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replaceAll(/[.-]/g, "_")
    .toUpperCase()}`;
}

/**
 * Paths that a variable may override, by variable name: source, prefix, topology, the sections, and the brokers that the file names. (Names
 * of topics and subscriptions hold hyphens and would be ambiguous; use `${NAME}` there.)
 */
function overridable(document: Document): Map<string, string> {
  const paths = ["source", "prefix", "topology"];
  for (const section of SECTIONS) paths.push(...keysAt(fullSchema, [section]).map((key) => `${section}.${key}`));
  const brokers = isPlainObject(document.brokers) ? document.brokers : {};
  for (const [name, broker] of Object.entries(brokers)) {
    const own = isPlainObject(broker) ? broker : {};
    // Every known adapter's options count, because a variable may change the adapter as well.
    const options = new Set([
      "adapter",
      ...Object.keys(own),
      ...Object.values(brokerSchemas).flatMap((s) => Object.keys(s.shape)),
    ]);
    options.delete("names");
    for (const option of options) paths.push(`brokers.${name}.${option}`);
  }
  return new Map(paths.map((path) => [variableName(path), path]));
}

/** The overrides that the environment holds, and a problem for each variable that looks like one and is none. */
export function environmentOverrides(
  document: Document,
  env: NodeJS.ProcessEnv,
): { overrides: Map<string, { value: string; variable: string }>; problems: string[] } {
  const known = overridable(document);
  const overrides = new Map<string, { value: string; variable: string }>();
  const problems: string[] = [];
  for (const [variable, value] of Object.entries(env)) {
    if (
      !/^WAYBILL_(SOURCE|PREFIX|TOPOLOGY|OUTBOX|INBOX|RELAY|CLAIM|BROKERS?|TOPICS?)(_|$)/.test(variable) ||
      value === undefined
    )
      continue;
    const path = known.get(variable);
    if (path !== undefined) overrides.set(path, { value, variable });
    else {
      const meant = didYouMean(variable, known.keys());
      problems.push(
        `the environment variable ${variable} overrides nothing${meant === undefined ? "" : `; did you mean ${meant}?`}`,
      );
    }
  }
  return { overrides, problems };
}
