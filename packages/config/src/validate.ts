import type { z } from "zod";
import { didYouMean } from "./did-you-mean.ts";
import { type Document, getAt, setAt } from "./document.ts";
import { isPlainObject } from "./plain-object.ts";
import { ADAPTERS, brokerSchemas } from "./schema/brokers.ts";
import { fullSchema } from "./schema/file-schema.ts";
import { problemsOf } from "./schema/problems.ts";

const PACKAGE = /^(@[a-z0-9][a-z0-9._-]*\/[a-z0-9][a-z0-9._-]*|waybill-[a-z0-9._-]+)$/;

/**
 * Checks a document whose short forms are written out; answers with every problem in words. `isText` tells which values came as text
 * from a variable or a flag: they become the number or truth value that the schema asks for.
 */
export function problemsIn(
  document: Document,
  isText: (path: string) => boolean,
  shown: (path: string) => string,
): string[] {
  const show = (path: readonly PropertyKey[]) => shown(path.join("."));
  const problems = [...check(fullSchema, document, [], document, isText, show), ...unseenNames(document, show)];
  if (!isPlainObject(document.brokers)) return problems;
  for (const [name, broker] of Object.entries(document.brokers)) {
    if (!isPlainObject(broker) || typeof broker.adapter !== "string") continue;
    const path = ["brokers", name];
    const schema = Object.hasOwn(brokerSchemas, broker.adapter) ? brokerSchemas[broker.adapter] : undefined;
    if (schema !== undefined) problems.push(...check(schema, broker, path, document, isText, show));
    else problems.push(...adapterProblem(broker.adapter, show([...path, "adapter"])));
  }
  return problems;
}

/** The schema's records pass over a name `__proto__` in silence. */
function unseenNames(document: Document, show: (path: readonly PropertyKey[]) => string): string[] {
  const records: [readonly string[], unknown][] = [
    [["brokers"], document.brokers],
    [["topics"], document.topics],
  ];
  for (const [topic, value] of Object.entries(isPlainObject(document.topics) ? document.topics : {})) {
    if (isPlainObject(value)) records.push([["topics", topic, "subscriptions"], value.subscriptions]);
  }
  return records
    .filter(([, record]) => isPlainObject(record) && Object.hasOwn(record, "__proto__"))
    .map(([path]) => `${show([...path, "__proto__"])} is no valid name`);
}

function check(
  schema: z.ZodType,
  value: unknown,
  at: readonly string[],
  document: Document,
  isText: (path: string) => boolean,
  show: (path: readonly PropertyKey[]) => string,
): string[] {
  let result = schema.safeParse(value);
  for (const issue of result.error?.issues ?? []) {
    const path = [...at, ...issue.path].join(".");
    const text = getAt(document, path);
    if (issue.code !== "invalid_type" || typeof text !== "string" || !isText(path)) continue;
    const meant = issue.expected === "boolean" ? truthValue(text) : numberValue(text);
    if (meant !== undefined) setAt(document, path, meant);
  }
  if (!result.success) result = schema.safeParse(value);
  return result.success ? [] : problemsOf(schema, value, result.error, show, at);
}

function numberValue(text: string): number | undefined {
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}

function truthValue(text: string): boolean | undefined {
  return text === "true" || text === "false" ? text === "true" : undefined;
}

function adapterProblem(adapter: string, path: string): string[] {
  if ((ADAPTERS as readonly string[]).includes(adapter) || PACKAGE.test(adapter) || /^\.{1,2}\//.test(adapter))
    return [];
  const known = ADAPTERS.join(", ");
  // What is no name at all may be a connection string in the wrong place: it is not repeated.
  const meant = /^[a-z0-9-]{1,30}$/i.test(adapter) ? didYouMean(adapter, ADAPTERS) : undefined;
  return [
    meant === undefined
      ? `${path} must be one of ${known}, a package name such as @acme/waybill-nats, or a path that starts with ./`
      : `${path} is no adapter known here; did you mean ${meant}?`,
  ];
}
