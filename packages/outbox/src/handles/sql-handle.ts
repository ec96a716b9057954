/** What a parameter of our statements may be: all of the libraries hand these on unchanged. */
export type SqlValue = string | number | bigint | Uint8Array | null;

/** The SQL of the database behind a handle: `$1` marks a parameter in the one, `?` in the other. */
export type Dialect = "postgres" | "mysql";

/** The one thing that a store needs of the caller's transaction, whichever library holds it. */
export interface SqlHandle {
  /**
   * Runs one statement that changes rows, in the caller's transaction. Parameters are numbered in the order in which they appear, each once. Answers
   * how many rows it changed, `undefined` where the library does not tell. Rejects with the driver's own error. A `name` stands for this very text: a library that can keeps the statement
   * prepared under it.
   */
  execute(sql: string, params: readonly SqlValue[], name?: string): Promise<number | undefined>;
}

/**
 * Makes a handle of what a library gives to its transaction callback; `undefined` when it is not of this library. Throws
 * WB_OUTBOX_NO_TRANSACTION when it is, and has no transaction open.
 */
export type Recognise = (tx: object, dialect: Dialect) => SqlHandle | undefined;

/** True where `value[name]` is a function: how a library is told from another without importing it. */
export function has<Name extends string>(
  value: unknown,
  name: Name,
): value is { readonly [Key in Name]: (...args: never[]) => unknown } {
  return typeof (value as { readonly [key: string]: unknown } | null | undefined)?.[name] === "function";
}
