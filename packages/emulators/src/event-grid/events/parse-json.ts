/** A number that a double cannot hold as it was written: long, or with a large exponent. */
const RISKY_NUMBER = /[\d.][\d.eE+-]{15,}|\d[eE]\+?\d{3}/;

/** `JSON.rawJSON` and the reviver's context are newer than the library types. */
const json = JSON as unknown as {
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  rawJSON(text: string): { readonly rawJSON: string };
  isRawJSON(value: unknown): value is { readonly rawJSON: string };
};

/**
 * `JSON.parse` for what is only carried on: a number that would lose digits stays as it was written, and `JSON.stringify` writes it so
 * again. Throws a SyntaxError, or a RangeError when the nesting is too deep.
 */
export function parseJson(text: string): unknown {
  if (!RISKY_NUMBER.test(text)) return JSON.parse(text);
  return json.parse(text, (_key, value, { source }) =>
    typeof value === "number" && source !== undefined && String(value) !== source ? json.rawJSON(source) : value,
  );
}

/** The number that a parsed value is, whichever way it was kept. */
export function asNumber(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  return json.isRawJSON(value) ? Number(value.rawJSON) : undefined;
}
