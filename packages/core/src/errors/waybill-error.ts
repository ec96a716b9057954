const brand: unique symbol = Symbol.for("waybill.error") as never;

/**
 * The one error class of Waybill. Programs branch on `code`; people read the sentence and the hint.
 * Every code stands in `docs/errors.md`; a test keeps table and page equal.
 */
export class WaybillError extends Error {
  override readonly name = "WaybillError";
  /** Stable, `WB_…`; changes only with a major version. */
  readonly code: string;
  /** What happened, without the code. */
  readonly sentence: string;
  /** What to do next. */
  readonly hint: string;
  /** Recognised across two copies of this package in one process, where `instanceof` fails. */
  readonly [brand] = true;

  constructor(code: string, sentence: string, hint: string, cause?: unknown) {
    super(`${code}: ${sentence} ${hint}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.sentence = sentence;
    this.hint = hint;
  }

  toJSON(): { code: string; sentence: string; hint: string } {
    return { code: this.code, sentence: this.sentence, hint: this.hint };
  }
}

/** True for a Waybill error from any copy of the package; with `code`, only for that code. */
export function isWaybillError(error: unknown, code?: string): error is WaybillError {
  return (
    typeof error === "object" &&
    error !== null &&
    (error as Record<symbol, unknown>)[brand] === true &&
    (code === undefined || (error as WaybillError).code === code)
  );
}
