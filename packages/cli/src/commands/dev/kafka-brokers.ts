import { cliErrors } from "../../cli-errors.ts";
import type { DevName } from "./names.ts";

/** Names a Kafka that runs already: `waybill dev` passes it through and neither starts nor stops it. */
const VARIABLE = "WAYBILL_DEV_KAFKA";

export const NO_KAFKA = `Kafka is not part of waybill dev yet; ${VARIABLE}=host:port passes a running broker through.`;

/** The brokers to pass through; undefined when there are none, or they are not wanted. Throws WB_CLI_USAGE when they are wanted and missing, or are no host:port. */
export function kafkaBrokers(
  env: NodeJS.ProcessEnv,
  only: readonly DevName[] | undefined,
): readonly string[] | undefined {
  if (only !== undefined && !only.includes("kafka")) return undefined;
  const text = env[VARIABLE]?.trim();
  if (!text) {
    if (only === undefined) return undefined;
    throw cliErrors.WB_CLI_USAGE({ problem: NO_KAFKA, command: "waybill dev" });
  }
  const brokers = text.split(",").map((one) => one.trim());
  if (brokers.every((one) => /^(\[[\da-f:]+\]|[\w.-]+):\d{1,5}$/i.test(one))) return brokers;
  const problem = `${VARIABLE} must be host:port, or several with commas between.`;
  throw cliErrors.WB_CLI_USAGE({ problem, command: "waybill dev" });
}
