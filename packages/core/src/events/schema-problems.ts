import type { StandardSchemaV1 } from "@standard-schema/spec";

/** The issues of a schema as one line: `total: expected number`. Values are left out: they may be secrets. */
export function schemaProblems(issues: readonly StandardSchemaV1.Issue[]): string {
  return issues
    .slice(0, 5)
    .map(({ path, message }) => {
      const where = (path ?? []).map((part) => String(typeof part === "object" ? part.key : part)).join(".");
      return where === "" ? message : `${where}: ${message}`;
    })
    .join("; ");
}
