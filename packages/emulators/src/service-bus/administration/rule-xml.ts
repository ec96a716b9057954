import { CORRELATION_FIELDS, type CorrelationFilter } from "../rules/correlation-filter.ts";
import type { Rule, RuleDescription, RuleFilter } from "../rules/rule.ts";
import { badRequest } from "./http-problem.ts";
import { asList, child, escapeXml, tag, text } from "./xml.ts";

const SCHEMA = "http://www.w3.org/2001/XMLSchema";
const ELEMENTS: Readonly<Record<(typeof CORRELATION_FIELDS)[number], string>> = {
  correlationId: "CorrelationId",
  messageId: "MessageId",
  to: "To",
  replyTo: "ReplyTo",
  subject: "Label",
  sessionId: "SessionId",
  replyToSessionId: "ReplyToSessionId",
  contentType: "ContentType",
};

/** A rule out of its description element. Throws a problem. */
export function readRule(description: unknown, name: string): RuleDescription {
  const filter = child(description, "Filter");
  const action = child(description, "Action");
  return {
    name,
    filter: readFilter(filter),
    action: text(child(action, "SqlExpression")),
    actionParameters: readPairs(child(action, "Parameters")),
  };
}

function readFilter(element: unknown): RuleFilter {
  const type = String(child(element, "@type") ?? "");
  switch (type) {
    case "TrueFilter":
      return { kind: "true" };
    case "FalseFilter":
      return { kind: "false" };
    case "SqlFilter": {
      const expression = text(child(element, "SqlExpression"));
      if (expression === undefined) throw badRequest("An SQL filter needs an expression.");
      return { kind: "sql", expression, parameters: readPairs(child(element, "Parameters")) };
    }
    case "CorrelationFilter":
      return { kind: "correlation", filter: readCorrelation(element) };
    default:
      throw badRequest(`The filter type '${type}' is not known.`);
  }
}

function readCorrelation(element: unknown): CorrelationFilter {
  const filter: Record<string, unknown> = {};
  for (const field of CORRELATION_FIELDS) {
    const value = text(child(element, ELEMENTS[field]));
    if (value !== undefined) filter[field] = value;
  }
  const properties = readPairs(child(element, "Properties"));
  if (properties.size > 0) filter.properties = properties;
  return filter;
}

function readPairs(element: unknown): ReadonlyMap<string, unknown> {
  const pairs = asList(child(element, "KeyValueOfstringanyType"));
  return new Map(pairs.map((pair) => [text(child(pair, "Key")) ?? "", readAny(child(pair, "Value"))]));
}

function writePairs(name: string, values: ReadonlyMap<string, unknown> | undefined): string {
  const pairs = [...(values ?? [])].map(([key, value]) =>
    tag("KeyValueOfstringanyType", tag("Key", escapeXml(key)) + writeAny(value)),
  );
  return pairs.length === 0 ? "" : tag(name, pairs.join(""));
}

function readAny(element: unknown): unknown {
  const value = text(element) ?? "";
  const type = String(child(element, "@type") ?? "").replace(/^.*:/, "");
  if (["int", "long", "double", "short", "decimal"].includes(type)) return Number(value);
  if (type === "boolean") return value.toLowerCase() === "true";
  return type === "dateTime" ? new Date(value) : value;
}

export function writeRule({ description, createdAt }: Rule): string {
  const { name, filter, action, actionParameters } = description;
  const isPlain = action === undefined || action === "";
  return (
    writeFilter(filter) +
    (isPlain
      ? tag("Action", "", { "i:type": "EmptyRuleAction" })
      : tag(
          "Action",
          tag("SqlExpression", escapeXml(action)) +
            tag("CompatibilityLevel", "20") +
            writePairs("Parameters", actionParameters),
          {
            "i:type": "SqlRuleAction",
          },
        )) +
    tag("CreatedAt", new Date(createdAt).toISOString()) +
    tag("Name", escapeXml(name))
  );
}

function writeFilter(filter: RuleFilter): string {
  const sql = (type: string, expression: string, parameters?: ReadonlyMap<string, unknown>) =>
    tag(
      "Filter",
      tag("SqlExpression", escapeXml(expression)) +
        tag("CompatibilityLevel", "20") +
        writePairs("Parameters", parameters),
      { "i:type": type },
    );
  switch (filter.kind) {
    case "true":
      return sql("TrueFilter", "1=1");
    case "false":
      return sql("FalseFilter", "1=0");
    case "sql":
      return sql("SqlFilter", filter.expression, filter.parameters);
    case "correlation": {
      const fields = CORRELATION_FIELDS.map((field) => {
        const value = filter.filter[field];
        return tag(ELEMENTS[field], value === undefined ? undefined : escapeXml(value));
      });
      return tag("Filter", fields.join("") + writePairs("Properties", filter.filter.properties), {
        "i:type": "CorrelationFilter",
      });
    }
  }
}

const numberType = (value: number) =>
  !Number.isInteger(value) ? "double" : Math.abs(value) > 0x7fffffff ? "long" : "int";

function writeAny(value: unknown): string {
  const attributes = (type: string) => ({ "i:type": `d6p1:${type}`, "xmlns:d6p1": SCHEMA });
  if (value instanceof Date) return tag("Value", value.toISOString(), attributes("dateTime"));
  if (typeof value === "boolean") return tag("Value", String(value), attributes("boolean"));
  if (typeof value === "number") return tag("Value", String(value), attributes(numberType(value)));
  return tag("Value", escapeXml(String(value)), attributes("string"));
}
