const NAMES: Readonly<Record<number, string>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  405: "MethodNotAllowed",
  409: "Conflict",
  410: "Gone",
  413: "RequestEntityTooLarge",
  415: "UnsupportedMediaType",
  429: "TooManyRequests",
  500: "InternalServerError",
  503: "ServiceUnavailable",
};

/** What the service answers instead of doing what was asked. */
export class EventGridProblem extends Error {
  readonly status: number;
  readonly code: string;
  /** More precise than `code`; the same where there is nothing more to say. */
  readonly detailCode: string;

  constructor(status: number, message: string, detailCode?: string) {
    super(message);
    this.name = "EventGridProblem";
    this.status = status;
    this.code = NAMES[status] ?? "Error";
    this.detailCode = detailCode ?? this.code;
  }

  /** The service's error body. */
  toJSON(): unknown {
    const { code, detailCode, message } = this;
    return { error: { code, message, details: [{ code: detailCode, message }] } };
  }
}

/** A mistake in the configuration of an entity. */
export const configProblem = (message: string) => new EventGridProblem(400, message);
