import { join } from "node:path";
import { type Harness, realTime, runConformance } from "@waybill/conformance";
import { kafka } from "@waybill/kafka";
import { afterAll, beforeAll } from "vitest";
import { type TestKafka, testKafka } from "../kafka/test-kafka.ts";

let broker: TestKafka | undefined;
beforeAll(async () => {
  broker = await testKafka("conformance of kafka, engine platformatic");
}, 120_000);
afterAll(() => broker?.stop());

runConformance<Harness>({
  name: "kafka, engine platformatic",
  page: "kafka",
  concurrent: true,
  harness: () => ({ time: realTime({ quietMs: 500, patienceMs: 30_000 }) }),
  open: ({ subscriptions }) =>
    kafka({ brokers: broker!.brokers, engine: "platformatic", subscriptions, sessionTimeoutMs: 3_000 }),
  resultsDirectory: join(import.meta.dirname, "../../node_modules/.cache/waybill/conformance"),
});
