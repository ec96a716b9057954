import type { ClientBase } from "pg";
import type { Failure } from "../../store.ts";

/** What a database of any encoding takes. */
const PLAIN = /^[\t\n\r -~]*$/;
const NOT_PLAIN = /[^\t\n\r -~]/gu;
/** Encodings that take all but NUL. */
const TAKES_ALL = new Set(["UTF8", "SQL_ASCII"]);

/**
 * The failures with errors that this database can hold. What a broker says must not keep its event from being moved, and with it all that the relay
 * does next.
 */
export async function withWritableErrors(
  client: ClientBase,
  failures: readonly Failure[],
): Promise<readonly Failure[]> {
  if (failures.every((failure) => failure.kind === "behind" || PLAIN.test(failure.error))) return failures;
  const { rows } = await client.query("SHOW server_encoding");
  const takesAll = TAKES_ALL.has(rows[0].server_encoding);
  const writable = (text: string) => (takesAll ? text.replaceAll("\0", "\ufffd") : text.replace(NOT_PLAIN, "?"));
  return failures.map((failure) =>
    failure.kind === "behind" ? failure : { ...failure, error: writable(failure.error) },
  );
}
