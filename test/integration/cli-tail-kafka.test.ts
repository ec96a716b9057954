import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import kafkajs from "kafkajs";
import { afterAll, expect, it } from "vitest";
import { type TestKafka, testKafka } from "../kafka/test-kafka.ts";

const BIN = fileURLToPath(new URL("../../packages/cli/bin/waybill.js", import.meta.url));
const broker: TestKafka | undefined = await testKafka("waybill tail over kafka");
afterAll(() => broker?.stop());

it.skipIf(broker === undefined)(
  "tail leaves no topic behind on Kafka",
  async () => {
    const brokers = [...broker!.brokers];
    const folder = await mkdtemp(join(tmpdir(), "waybill-tail-"));
    const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin();
    try {
      const config = { source: "/s", broker: { adapter: "kafka", brokers }, topics: { "tail-orders": {} } };
      await writeFile(join(folder, "waybill.config.json"), JSON.stringify(config));
      const waybill = (...args: string[]) =>
        promisify(execFile)(process.execPath, [BIN, ...args], { cwd: folder, timeout: 20_000 });
      await waybill("publish", "tail-orders", "--type", "placed", "--data", "{}");
      const { stdout } = await waybill("tail", "tail-orders", "--from", "earliest", "--max", "1", "--json");
      expect(JSON.parse(stdout)).toMatchObject({ type: "placed" });
      await admin.connect();
      const topics = await admin.listTopics();
      expect(topics.filter((topic) => topic.startsWith("tail-orders"))).toEqual(["tail-orders"]);
    } finally {
      await admin.disconnect();
      await rm(folder, { recursive: true, force: true });
    }
  },
  60_000,
);
