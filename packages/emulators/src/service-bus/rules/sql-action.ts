import { type Entry, entry, withProperties } from "../../amqp/sections.ts";
import { argumentError } from "../broker/conditions.ts";
import { type Content, fromSections, withApplicationProperties } from "../broker/content.ts";
import { EvaluationError, evaluate } from "./sql-evaluate.ts";
import type { Statement } from "./sql-parser.ts";
import { settablePosition } from "./system-properties.ts";

/** Throws an argument error when a statement changes what cannot be changed. */
export function checkAction(statements: readonly Statement[]): void {
  for (const { scope, name, kind } of statements)
    if (scope === "sys" && (settablePosition(name) === undefined || kind === "remove"))
      throw argumentError(`The system property '${name}' cannot be changed by an action.`);
}

/** The message after the action; statements see what those before them did. */
export function applyAction(statements: readonly Statement[], content: Content): Content {
  let next = content;
  for (const statement of statements) {
    if (statement.kind === "remove")
      next = withApplicationProperties(next, new Map([[existing(next, statement.name), undefined]]));
    else {
      const value = evaluate(statement.value, next);
      next = statement.scope === "sys" ? setSystem(next, statement.name, value) : setUser(next, statement.name, value);
    }
  }
  return next;
}

function setUser(content: Content, name: string, value: unknown): Content {
  const change = new Map<string, Entry | undefined>([
    [existing(content, name), value === undefined ? undefined : entry(value)],
  ]);
  return withApplicationProperties(content, change);
}

function setSystem(content: Content, name: string, value: unknown): Content {
  const position = settablePosition(name);
  if (position === undefined) throw new EvaluationError(`The system property '${name}' cannot be set.`);
  const properties = withProperties(
    content.sections.properties,
    new Map([[position, value === undefined ? null : String(value)]]),
  );
  return fromSections({ ...content.sections, properties }, content.size);
}

function existing(content: Content, name: string): string {
  const { applicationProperties } = content.sections;
  if (applicationProperties.has(name)) return name;
  const lower = name.toLowerCase();
  for (const key of applicationProperties.keys()) if (key.toLowerCase() === lower) return key;
  return name;
}
