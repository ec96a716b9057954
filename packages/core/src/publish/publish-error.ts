import { coreErrors } from "../errors/core-errors.ts";
import { redacted } from "../errors/redacted.ts";
import { WaybillError } from "../errors/waybill-error.ts";
import type { Outcome } from "../spi/outcome.ts";

/** Several events of one publish call were refused; `outcomes` answers for each in order. */
export class PublishError extends WaybillError {
  readonly outcomes: readonly Outcome[];

  constructor(error: WaybillError, outcomes: readonly Outcome[]) {
    super(error.code, error.sentence, error.hint, error.cause);
    this.outcomes = outcomes;
  }
}

/** Throws the event's own error where there is one event, a {@link PublishError} where one of many is refused. */
export function throwFailed(topic: string, outcomes: readonly Outcome[]): void {
  const failed = outcomes.filter((outcome) => !outcome.ok);
  if (failed.length === 0) return;
  const { error } = failed[0]!;
  const total = outcomes.length;
  if (total === 1 && error instanceof WaybillError) throw error;
  throw new PublishError(
    coreErrors.WB_PUBLISH_FAILED({ topic, failed: failed.length, total, first: redacted(error) }, error),
    outcomes,
  );
}
