import type { Content } from "../broker/content.ts";
import { newUuid } from "../lock-token.ts";
import { matchesLike } from "./like.ts";
import type { Expression } from "./sql-parser.ts";
import { systemProperty, userProperty } from "./system-properties.ts";

/** An expression that has no value for this message: a division by zero, a sum of a text and a truth. */
export class EvaluationError extends Error {
  override readonly name = "EvaluationError";
}

/** The value; undefined is "unknown", as of a property that the message does not have. */
export function evaluate(expression: Expression, content: Content): unknown {
  switch (expression.kind) {
    case "constant":
      return expression.value;
    case "property":
      return expression.scope === "sys"
        ? systemProperty(content, expression.name)
        : userProperty(content, expression.name);
    case "newid":
      return newUuid().toString();
    case "negate": {
      const value = evaluate(expression.of, content);
      if (value === undefined) return undefined;
      if (typeof value !== "number" && typeof value !== "bigint")
        throw new EvaluationError("Only a number has a sign.");
      return -value;
    }
    case "arithmetic":
      return arithmetic(expression.operator, evaluate(expression.left, content), evaluate(expression.right, content));
    case "compare":
      return compare(expression.operator, evaluate(expression.left, content), evaluate(expression.right, content));
    case "not": {
      const value = truth(evaluate(expression.of, content));
      return value === undefined ? undefined : !value;
    }
    case "and": {
      const left = truth(evaluate(expression.left, content));
      if (left === false) return false;
      const right = truth(evaluate(expression.right, content));
      if (right === false) return false;
      return left === undefined || right === undefined ? undefined : true;
    }
    case "or": {
      const left = truth(evaluate(expression.left, content));
      if (left === true) return true;
      const right = truth(evaluate(expression.right, content));
      if (right === true) return true;
      return left === undefined || right === undefined ? undefined : false;
    }
    case "is-null":
      return (evaluate(expression.of, content) === undefined) !== expression.negated;
    case "exists":
      return evaluate(expression.of, content) !== undefined;
    case "in":
      return within(expression, content);
    case "like": {
      const value = evaluate(expression.of, content);
      const pattern = evaluate(expression.pattern, content);
      if (value === undefined || pattern === undefined) return undefined;
      if (typeof value !== "string" || typeof pattern !== "string") throw new EvaluationError("LIKE compares texts.");
      return matchesLike(value, pattern, expression.escape) !== expression.negated;
    }
  }
}

export function truth(value: unknown): boolean | undefined {
  if (value === undefined || typeof value === "boolean") return value;
  throw new EvaluationError("A truth value was expected.");
}

function within(expression: Extract<Expression, { kind: "in" }>, content: Content): boolean | undefined {
  const value = evaluate(expression.of, content);
  if (value === undefined) return undefined;
  let unknown = false;
  for (const item of expression.items) {
    const equal = compare("=", value, evaluate(item, content));
    if (equal === true) return !expression.negated;
    if (equal === undefined) unknown = true;
  }
  return unknown ? undefined : expression.negated;
}

const isNumeric = (value: unknown): value is number | bigint => typeof value === "number" || typeof value === "bigint";

function arithmetic(operator: string, left: unknown, right: unknown): unknown {
  if (left === undefined || right === undefined) return undefined;
  if (operator === "+" && typeof left === "string" && typeof right === "string") return left + right;
  if (!isNumeric(left) || !isNumeric(right)) throw new EvaluationError(`'${operator}' does not go with these values.`);
  const a = Number(left);
  const b = Number(right);
  switch (operator) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    default:
      if (b === 0) throw new EvaluationError("Division by zero.");
      if (operator === "%") return a % b;
      return Number.isInteger(a) && Number.isInteger(b) ? Math.trunc(a / b) : a / b;
  }
}

/** Values of different kinds are never equal, and neither is before the other. */
function compare(operator: string, left: unknown, right: unknown): boolean | undefined {
  const a = comparable(left);
  const b = comparable(right);
  if (a === undefined || b === undefined) return undefined;
  const sameKind = typeof a === typeof b || (isNumeric(a) && isNumeric(b));
  if (operator === "=") return sameKind && equal(a, b);
  if (operator === "<>") return !(sameKind && equal(a, b));
  if (!sameKind || typeof a === "boolean") return undefined;
  switch (operator) {
    case "<":
      return a < b;
    case "<=":
      return a <= b;
    case ">":
      return a > b;
    default:
      return a >= b;
  }
}

// biome-ignore lint/suspicious/noDoubleEquals: a number and a bigint of the same value are equal
const equal = (a: unknown, b: unknown) => (isNumeric(a) && isNumeric(b) ? a == b : a === b);

function comparable(value: unknown): string | number | bigint | boolean | undefined {
  if (value === undefined || value === null) return undefined;
  if (value instanceof Date) return value.getTime();
  if (typeof value === "boolean" || typeof value === "string" || isNumeric(value)) return value;
  return String(value);
}
