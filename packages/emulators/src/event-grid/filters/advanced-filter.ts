import type { AcceptedEvent } from "../events/accepted-event.ts";
import { asNumber } from "../events/parse-json.ts";
import { configProblem } from "../problem.ts";
import { fieldOf } from "./event-field.ts";

/** ARM's `advancedFilters`: the operator decides whether `value`, `values` or neither is given. */
export type AdvancedFilter =
  | { readonly operatorType: NumberOperator; readonly key: string; readonly value: number }
  | { readonly operatorType: "NumberIn" | "NumberNotIn"; readonly key: string; readonly values: readonly number[] }
  | {
      readonly operatorType: "NumberInRange" | "NumberNotInRange";
      readonly key: string;
      readonly values: readonly (readonly [number, number])[];
    }
  | { readonly operatorType: "BoolEquals"; readonly key: string; readonly value: boolean }
  | { readonly operatorType: StringOperator; readonly key: string; readonly values: readonly string[] }
  | { readonly operatorType: "IsNullOrUndefined" | "IsNotNull"; readonly key: string };

type NumberOperator = "NumberLessThan" | "NumberLessThanOrEquals" | "NumberGreaterThan" | "NumberGreaterThanOrEquals";
type StringOperator = `String${"" | "Not"}${"In" | "Contains" | "BeginsWith" | "EndsWith"}`;

type Compare = (value: never, operand: never) => boolean;

interface Operator {
  readonly operand: "number" | "range" | "boolean" | "string" | "none";
  readonly many: boolean;
  /** True turns a match into a refusal, and any one match refuses. */
  readonly negated: boolean;
  readonly compare: Compare;
}

const number = (compare: (value: number, operand: number) => boolean): Operator => ({
  operand: "number",
  many: false,
  negated: false,
  compare,
});
const numbers = (negated: boolean): Operator => ({
  operand: "number",
  many: true,
  negated,
  compare: (value: number, operand: number) => value === operand,
});
const range = (negated: boolean): Operator => ({
  operand: "range",
  many: true,
  negated,
  compare: (value: number, [low, high]: readonly [number, number]) => value >= low && value <= high,
});
const text = (negated: boolean, compare: (value: string, operand: string) => boolean): Operator => ({
  operand: "string",
  many: true,
  negated,
  compare,
});

const equals = (value: string, operand: string) => value === operand;
const contains = (value: string, operand: string) => value.includes(operand);
const begins = (value: string, operand: string) => value.startsWith(operand);
const ends = (value: string, operand: string) => value.endsWith(operand);

const OPERATORS: Readonly<Record<string, Operator>> = {
  NumberLessThan: number((value, operand) => value < operand),
  NumberLessThanOrEquals: number((value, operand) => value <= operand),
  NumberGreaterThan: number((value, operand) => value > operand),
  NumberGreaterThanOrEquals: number((value, operand) => value >= operand),
  NumberIn: numbers(false),
  NumberNotIn: numbers(true),
  NumberInRange: range(false),
  NumberNotInRange: range(true),
  BoolEquals: { operand: "boolean", many: false, negated: false, compare: (a: boolean, b: boolean) => a === b },
  StringIn: text(false, equals),
  StringNotIn: text(true, equals),
  StringContains: text(false, contains),
  StringNotContains: text(true, contains),
  StringBeginsWith: text(false, begins),
  StringNotBeginsWith: text(true, begins),
  StringEndsWith: text(false, ends),
  StringNotEndsWith: text(true, ends),
  IsNullOrUndefined: { operand: "none", many: false, negated: false, compare: () => false },
  IsNotNull: { operand: "none", many: false, negated: false, compare: () => false },
};

/** Documented: without the key these match, every other operator does not. NumberNotInRange is not documented and follows its like. */
const MATCH_WHEN_ABSENT = new Set(["NumberNotIn", "StringNotIn", "NumberNotInRange"]);

const MAX_FILTERS = 25;
const MAX_TEXT = 512;

export function checkAdvancedFilters(filters: readonly AdvancedFilter[]): void {
  if (filters.length > MAX_FILTERS) throw configProblem(`A subscription has at most ${MAX_FILTERS} advanced filters.`);
  let values = 0;
  for (const filter of filters) {
    const operands = operandsOf(filter);
    values += operands.length;
    const { operand } = operatorOf(filter);
    for (const one of operands) {
      if (!fits(one, operand)) throw configProblem(`${filter.operatorType} on '${filter.key}' needs a ${operand}.`);
      if (typeof one === "string" && one.length > MAX_TEXT)
        throw configProblem(`A filter's string has at most ${MAX_TEXT} characters.`);
    }
  }
  if (values > MAX_FILTERS) throw configProblem(`The advanced filters have at most ${MAX_FILTERS} values together.`);
}

export function matchesAdvanced(filter: AdvancedFilter, event: AcceptedEvent, inArrays: boolean): boolean {
  const field = fieldOf(event, filter.key);
  const isAbsent = field === undefined || field === null;
  if (filter.operatorType === "IsNullOrUndefined") return isAbsent;
  if (filter.operatorType === "IsNotNull") return !isAbsent;
  if (isAbsent) return MATCH_WHEN_ABSENT.has(filter.operatorType);
  if (Array.isArray(field) && !inArrays) return false;
  const { operand, negated, compare } = operatorOf(filter);
  const isAttribute = !/^data(\.|$)/i.test(filter.key);
  const candidates = (Array.isArray(field) ? field : [field])
    .map((value: unknown) => convert(value, operand, isAttribute))
    .filter((value) => value !== undefined);
  const test = compare as (value: unknown, operand: unknown) => boolean;
  const hit = operandsOf(filter).some((one) => {
    const wanted = typeof one === "string" ? one.toLowerCase() : one;
    return candidates.some((value) => test(value, wanted));
  });
  return hit !== negated;
}

/** The value as the operator compares it; undefined when it is of another type, and so ignored. */
function convert(value: unknown, operand: Operator["operand"], isAttribute: boolean): unknown {
  const asNumeric = asNumber(value);
  if (operand === "number" || operand === "range") return asNumeric;
  if (operand === "boolean") return typeof value === "boolean" ? value : undefined;
  if (typeof value === "string") return value.toLowerCase();
  // The documented example filters a numeric extension attribute by the beginning of its text.
  return isAttribute && (asNumeric !== undefined || typeof value === "boolean")
    ? String(asNumeric ?? value)
    : undefined;
}

function operatorOf({ operatorType }: AdvancedFilter): Operator {
  const operator = Object.hasOwn(OPERATORS, operatorType) ? OPERATORS[operatorType] : undefined;
  if (operator === undefined) throw configProblem(`There is no filter operator '${operatorType}'.`);
  return operator;
}

function operandsOf(filter: AdvancedFilter): readonly unknown[] {
  const { many, operand } = operatorOf(filter);
  if (operand === "none") return [];
  const { value, values } = filter as { readonly value?: unknown; readonly values?: unknown };
  if (!many) return [value];
  if (!Array.isArray(values)) throw configProblem(`${filter.operatorType} on '${filter.key}' needs 'values'.`);
  return values;
}

const fits = (value: unknown, operand: Operator["operand"]) =>
  operand === "range"
    ? Array.isArray(value) && value.length === 2 && value.every((end) => typeof end === "number")
    : typeof value === operand;
