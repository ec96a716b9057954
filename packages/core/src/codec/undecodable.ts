import { coreErrors } from "../errors/core-errors.ts";
import type { WaybillError } from "../errors/waybill-error.ts";

/** The codec's one refusal. `problem` completes "The message is no CloudEvent: …" and quotes no data. */
export function undecodable(problem: string, cause?: unknown): WaybillError {
  return coreErrors.WB_EVENT_UNDECODABLE({ problem }, cause);
}
