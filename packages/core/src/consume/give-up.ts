import type { DeadLetterCode } from "../spi/delivery.ts";

/** Thrown inside the pipeline for an event that no further attempt can help. */
export class GiveUp {
  readonly code: DeadLetterCode;
  readonly error: unknown;

  constructor(code: DeadLetterCode, error: unknown) {
    this.code = code;
    this.error = error;
  }
}

/** A handler throws it when no further attempt can help: the event is dead-lettered at once, with reason `rejected`. */
export class PermanentError extends Error {
  override readonly name: string = "PermanentError";
}

/** A handler throws it to choose the wait before the next attempt itself. It uses an attempt up like any failure. */
export class RetryLaterError extends Error {
  override readonly name: string = "RetryLaterError";
  readonly delayMs: number;

  constructor(delayMs: number, message = "The handler asked for a later attempt.", options?: ErrorOptions) {
    super(message, options);
    this.delayMs = delayMs;
  }
}

/** An event that another consumer has in hand right now: tried again soon, and no attempt is used up. */
export class Busy {
  readonly delayMs = 1_000;
}
