import { join } from "node:path";
import { cliErrors } from "../../cli-errors.ts";
import type { DevName } from "./names.ts";

/** Names a Kafka that runs already: `waybill dev` passes it through and neither starts nor stops it. */
const VARIABLE = "WAYBILL_DEV_KAFKA";
/** After this long it is said why it takes so long. */
const PATIENCE_MS = 6_000;

export const ABOUT_KAFKA = `Kafka is the real one: it needs Java 17, and Maven, which fetches about 45 MB at the first start. Where there is no Java it is left out;
--no-kafka leaves it out. ${VARIABLE}=host:port passes a broker through that runs already.`;

/** A Kafka to talk to. `pid` and `stop` are of one that was started here. */
export interface DevKafka {
  readonly brokers: readonly string[];
  readonly pid?: number;
  stop(): Promise<void>;
}

export interface KafkaWishes {
  readonly only?: readonly DevName[];
  /** False: `--no-kafka`. */
  readonly kafka?: boolean;
  readonly data?: string;
}

/**
 * The brokers to pass through; undefined when there are none, or they are not wanted. Throws WB_CLI_USAGE when they are no host:port.
 */
export function givenBrokers(env: NodeJS.ProcessEnv): readonly string[] | undefined {
  const text = env[VARIABLE]?.trim();
  if (!text) return undefined;
  const brokers = text.split(",").map((one) => one.trim());
  if (brokers.every((one) => /^(\[[\da-f:]+\]|[\w.-]+):\d{1,5}$/i.test(one))) return brokers;
  const problem = `${VARIABLE} must be host:port, or several with commas between.`;
  throw cliErrors.WB_CLI_USAGE({ problem, command: "waybill dev" });
}

export const wantsKafka = ({ only, kafka }: KafkaWishes): boolean => only?.includes("kafka") ?? kafka !== false;

/** Starts Kafka. Undefined, with a note, where this machine cannot and nobody asked for it by name; then it throws WB_CLI_USAGE. */
export async function startDevKafka(wishes: KafkaWishes, note: (text: string) => void): Promise<DevKafka | undefined> {
  const { KafkaUnavailable, startKafka } = await import("@waybill/emulators/kafka");
  const patience = setTimeout(
    () => note("Waiting for Kafka. Its first start fetches about 45 MB; --no-kafka starts without it."),
    PATIENCE_MS,
  );
  try {
    return await startKafka(wishes.data === undefined ? {} : { dataDir: join(wishes.data, "kafka") });
  } catch (error) {
    if (!(error instanceof KafkaUnavailable)) throw error;
    if (wishes.only !== undefined)
      throw cliErrors.WB_CLI_USAGE({ problem: error.message, command: "waybill dev" }, error);
    note(`Without Kafka: ${error.message}`);
    return undefined;
  } finally {
    clearTimeout(patience);
  }
}
