import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import kafkajs from "kafkajs";
import { afterAll, describe, expect, it } from "vitest";
import { type TestKafka, testKafka } from "../kafka/test-kafka.ts";

const BIN = fileURLToPath(new URL("../../packages/cli/bin/waybill.js", import.meta.url));
const broker: TestKafka | undefined = await testKafka("the command over kafka");
afterAll(() => broker?.stop());

type Run = (...args: string[]) => Promise<{ stdout: string; stderr: string; code: number }>;

/** A folder with a configuration, the command run in it, and what topics there are on the broker. */
async function shop(work: (waybill: Run, topics: () => Promise<string[]>) => Promise<void>): Promise<void> {
  const brokers = [...broker!.brokers];
  const folder = await mkdtemp(join(tmpdir(), "waybill-kafka-"));
  const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin();
  try {
    const config = { source: "/s", broker: { adapter: "kafka", brokers } };
    await writeFile(join(folder, "waybill.config.json"), JSON.stringify(config));
    const waybill: Run = (...args) =>
      promisify(execFile)(process.execPath, [BIN, ...args], { cwd: folder, timeout: 30_000 }).then(
        (said) => ({ ...said, code: 0 }),
        (error: { stdout: string; stderr: string; code: number }) => error,
      );
    await admin.connect();
    await work(waybill, async () => (await admin.listTopics()).filter((topic) => !topic.startsWith("__")).toSorted());
  } finally {
    await admin.disconnect();
    await rm(folder, { recursive: true, force: true });
  }
}

describe.skipIf(broker === undefined)("on Kafka, which makes topics of whatever is asked for", () => {
  it("tail leaves no topic behind", { timeout: 60_000 }, () =>
    shop(async (waybill, topics) => {
      await waybill("publish", "tail-orders", "--type", "placed", "--data", "{}");
      const { stdout } = await waybill("tail", "tail-orders", "--from", "earliest", "--max", "1", "--json");
      expect(JSON.parse(stdout)).toMatchObject({ type: "placed" });
      expect(await topics()).toEqual(["tail-orders"]);
    }),
  );

  it(
    "looking at dead letters makes no topic, and says of a mistyped name that there is none",
    { timeout: 120_000 },
    () =>
      shop(async (waybill, topics) => {
        await waybill("publish", "orders", "--type", "placed", "--data", "{}");
        const before = await topics();
        const engines = ["kafkajs", "platformatic"];
        for (const engine of engines) {
          const list = (...place: string[]) =>
            waybill("--set", `broker.engine=${engine}`, "dead", "list", ...place, "--json");
          for (const place of [
            ["ordres", "billing"],
            ["orders", "biling"],
          ]) {
            const { code, stderr } = await list(...place);
            expect(code, place.join("/")).not.toBe(0);
            expect(stderr).toContain("WB_KAFKA_TOPIC");
          }
        }
        expect(await topics()).toEqual(before);
      }),
  );
});
