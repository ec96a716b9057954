import {
  findJava,
  type KafkaOptions,
  KafkaUnavailable,
  kafkaJars,
  kafkaVersion,
  type RunningKafka,
  startKafka,
} from "@waybill/emulators/kafka";

/** In full: what `WAYBILL_TEST_KAFKA_VERSION` asks for, else the newest 4.x. */
export const testedVersion = () => kafkaVersion(process.env.WAYBILL_TEST_KAFKA_VERSION || undefined);

/** A broker to test against; `pid` and `version` are unknown of one that runs elsewhere. */
export type TestKafka = Pick<RunningKafka, "brokers" | "stop"> & Partial<RunningKafka>;

/** Whether a broker can be started here, for a test whose subject starts it: else one line on stderr; where `CI` is set, a rejection. */
export async function canStartKafka(suite: string): Promise<boolean> {
  try {
    await findJava(testedVersion());
    await kafkaJars(testedVersion());
    return true;
  } catch (error) {
    if (process.env.CI || !(error instanceof KafkaUnavailable)) throw error;
    console.warn(`${suite}: skipped. ${error.message}`);
    return false;
  }
}

/**
 * The broker of a test suite: the running one that `WAYBILL_TEST_KAFKA` names (`host:port`, several with commas), which `stop` leaves
 * alone, else a started one. Where there can be none: one line on stderr and `undefined`, so that the suite is skipped; where `CI` is
 * set, a rejection. A broker that could start and does not is always a rejection.
 *
 *     const kafka = await testKafka("kafka adapter");
 *     describe.skipIf(!kafka)("kafka adapter", () => …);
 */
export async function testKafka(suite: string, options: KafkaOptions = {}): Promise<TestKafka | undefined> {
  const running = process.env.WAYBILL_TEST_KAFKA;
  if (running) return { brokers: running.split(",").map((one) => one.trim()), stop: async () => undefined };
  try {
    return await startKafka({ ...options, version: options.version ?? testedVersion() });
  } catch (error) {
    if (process.env.CI || !(error instanceof KafkaUnavailable)) throw error;
    console.warn(`${suite}: skipped. ${error.message}`);
    return undefined;
  }
}
