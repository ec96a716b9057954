import { Described } from "../../amqp/values.ts";
import { argumentError, notAllowed } from "../broker/conditions.ts";
import { rulesByName, type SubscriptionEntity } from "../broker/entity.ts";
import { CORRELATION_FIELDS, type CorrelationFilter } from "../rules/correlation-filter.ts";
import type { RuleDescription, RuleFilter } from "../rules/rule.ts";
import { NOTHING, type Operation, type OperationContext } from "./operation.ts";

const RULE = 1_335_734_829_060;
const EMPTY_ACTION = 1_335_734_829_061;
const SQL_ACTION = 1_335_734_829_062;
const SQL_FILTER = 83_483_426_822;
const TRUE_FILTER = 83_483_426_823;
const FALSE_FILTER = 83_483_426_824;
const CORRELATION_FILTER = 83_483_426_825;

/** Correlation fields as they are called in a request, in the order of `CORRELATION_FIELDS`. */
const WIRE_FIELDS = [
  "correlation-id",
  "message-id",
  "to",
  "reply-to",
  "label",
  "session-id",
  "reply-to-session-id",
  "content-type",
];

export const addRule: Operation = (context) => {
  const { body } = context;
  const description = body.fields("rule-description");
  if (description === undefined) throw argumentError("The request needs 'rule-description'.");
  const action = description.get("sql-rule-action");
  context.broker.addRule(subscriptionOf(context), {
    name: body.mustText("rule-name"),
    filter: readFilter(description),
    action: action instanceof Map ? String(action.get("expression") ?? "") : undefined,
  });
  return NOTHING;
};

export const removeRule: Operation = (context) => {
  context.broker.removeRule(subscriptionOf(context), context.body.mustText("rule-name"));
  return NOTHING;
};

export const enumerateRules: Operation = (context) => {
  const skip = context.body.number("skip") ?? 0;
  const top = context.body.number("top") ?? 100;
  const rules = rulesByName(subscriptionOf(context)).slice(skip, skip + top);
  if (rules.length === 0) return undefined;
  const written = rules.map(
    ({ description, createdAt }) => new Map([["rule-description", writeRule(description, createdAt)]]),
  );
  return new Map([["rules", written]]);
};

function subscriptionOf({ broker, address }: OperationContext): SubscriptionEntity {
  const entity = broker.resolve(address);
  if (entity.kind !== "subscription") throw notAllowed("Only a subscription has rules.");
  return entity;
}

function readFilter(description: ReadonlyMap<unknown, unknown>): RuleFilter {
  const sql = description.get("sql-filter");
  if (sql instanceof Map) return { kind: "sql", expression: String(sql.get("expression") ?? "") };
  const correlation = description.get("correlation-filter");
  if (!(correlation instanceof Map)) throw argumentError("A rule needs an SQL or a correlation filter.");
  const filter: Record<string, unknown> = {};
  for (const [at, field] of CORRELATION_FIELDS.entries()) {
    const value = correlation.get(WIRE_FIELDS[at]);
    if (value !== undefined && value !== null) filter[field] = String(value);
  }
  const properties = correlation.get("properties");
  if (properties instanceof Map)
    filter.properties = new Map([...properties].map(([key, value]) => [String(key), value]));
  return { kind: "correlation", filter: filter as CorrelationFilter };
}

function writeRule({ name, filter, action }: RuleDescription, createdAt: number): Described {
  const written =
    action === undefined || action === "" ? new Described(EMPTY_ACTION, []) : new Described(SQL_ACTION, [action, 20]);
  return new Described(RULE, [writeFilter(filter), written, name, new Date(createdAt)]);
}

function writeFilter(filter: RuleFilter): Described {
  switch (filter.kind) {
    case "true":
      return new Described(TRUE_FILTER, []);
    case "false":
      return new Described(FALSE_FILTER, []);
    case "sql":
      return new Described(SQL_FILTER, [filter.expression, 20]);
    case "correlation":
      return new Described(CORRELATION_FILTER, [
        ...CORRELATION_FIELDS.map((field) => filter.filter[field] ?? null),
        new Map(filter.filter.properties),
      ]);
  }
}
