import type { AmqpError } from "../../amqp/amqp-error.ts";

/** A refusal in the administration API: a status, and a sentence with the service's sub code. */
export class HttpProblem extends Error {
  readonly status: number;
  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

export const badRequest = (detail: string) => new HttpProblem(400, `SubCode=40000. ${detail}`);
export const missing = (path: string) => new HttpProblem(404, `SubCode=40400. The entity '${path}' does not exist.`);

/** What the broker refuses, as the administration says it. */
export function fromBroker(error: AmqpError): HttpProblem {
  switch (error.condition) {
    case "com.microsoft:entity-already-exists":
      return new HttpProblem(409, `SubCode=40900. Conflict. ${error.message}`);
    case "amqp:not-found":
    case "com.microsoft:entity-not-found":
      return new HttpProblem(404, `SubCode=40400. ${error.message}`);
    default:
      return badRequest(error.message);
  }
}
