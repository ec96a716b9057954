import { WaybillError } from "./waybill-error.ts";

/** One row of an error table: the sentence says what happened, the hint what to do next. */
export interface ErrorRow<P> {
  sentence: (values: P) => string;
  hint: string | ((values: P) => string);
}

// biome-ignore lint/suspicious/noExplicitAny: each row has its own values; the mapped type below keeps them apart
type Table = Record<string, ErrorRow<any>>;

export type ErrorTable<T extends Table> = {
  readonly [Code in keyof T]: T[Code] extends ErrorRow<infer P> ? (values: P, cause?: unknown) => WaybillError : never;
};

/** Turns a table `code → sentence, hint` into functions that make the errors. Each package has one such table. */
export function defineErrors<T extends Table>(table: T): ErrorTable<T> {
  return Object.fromEntries(
    Object.entries(table).map(([code, row]) => [
      code,
      (values: unknown, cause?: unknown) =>
        new WaybillError(code, row.sentence(values), typeof row.hint === "string" ? row.hint : row.hint(values), cause),
    ]),
  ) as ErrorTable<T>;
}
