import { argumentError } from "../broker/conditions.ts";
import type { Content } from "../broker/content.ts";
import { CORRELATION_FIELDS, type CorrelationFilter, matchesCorrelation } from "./correlation-filter.ts";
import { applyAction, checkAction } from "./sql-action.ts";
import { evaluate, truth } from "./sql-evaluate.ts";
import { type Parameters, parseAction, parsePredicate } from "./sql-parser.ts";

export type RuleFilter =
  | { readonly kind: "true" }
  | { readonly kind: "false" }
  | { readonly kind: "sql"; readonly expression: string; readonly parameters?: Parameters }
  | { readonly kind: "correlation"; readonly filter: CorrelationFilter };

export interface RuleDescription {
  readonly name: string;
  readonly filter: RuleFilter;
  /** SET and REMOVE statements. A matching rule with an action makes its own copy of the message. */
  readonly action?: string | undefined;
  readonly actionParameters?: Parameters;
}

export interface Rule {
  readonly description: RuleDescription;
  readonly createdAt: number;
  /** Throws EvaluationError when the expression has no value for the message. */
  matches(content: Content): boolean;
  readonly apply: ((content: Content) => Content) | undefined;
}

export const DEFAULT_RULE_NAME = "$Default";

/** Reads a rule once, for all messages. Throws an argument error when it is not well formed. */
export function compileRule(description: RuleDescription, createdAt: number): Rule {
  const statements =
    description.action === undefined || description.action.trim() === ""
      ? []
      : parseAction(description.action, description.actionParameters);
  checkAction(statements);
  return {
    description,
    createdAt,
    matches: compileFilter(description.filter),
    apply: statements.length === 0 ? undefined : (content) => applyAction(statements, content),
  };
}

function compileFilter(filter: RuleFilter): (content: Content) => boolean {
  switch (filter.kind) {
    case "true":
      return () => true;
    case "false":
      return () => false;
    case "correlation": {
      const wanted = filter.filter;
      const isEmpty = CORRELATION_FIELDS.every((field) => wanted[field] === undefined) && !wanted.properties?.size;
      if (isEmpty) throw argumentError("A correlation filter needs at least one field.");
      return (content) => matchesCorrelation(wanted, content);
    }
    case "sql": {
      const expression = parsePredicate(filter.expression, filter.parameters);
      return (content) => truth(evaluate(expression, content)) === true;
    }
  }
}
