import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findJava, freePorts, kafkaJars, type RunningKafka, startKafka } from "@waybill/emulators/kafka";
import { Kafka, logLevel } from "kafkajs";
import { testedVersion } from "./test-kafka.ts";

const run = promisify(execFile);
const JVM = ["-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

export interface TwoBrokers extends Pick<RunningKafka, "brokers" | "stop"> {
  /** Without a word to anybody. Resolves when its process is gone. */
  killSecond(): Promise<void>;
  /** With what it had when it was killed. Resolves when it is a member of the cluster again. */
  startSecond(): Promise<void>;
}

/** A cluster of two: the starter's node, which has the number 1, and a broker 2 that keeps its quorum. */
export async function twoBrokers(): Promise<TwoBrokers> {
  const version = testedVersion();
  const [folder, ports, { broker: port }] = await Promise.all([
    mkdtemp(join(tmpdir(), "waybill-brokers-")),
    freePorts(),
    freePorts(),
  ]);
  const dataDir = join(folder, "1");
  const first = await startKafka({ version, dataDir, ports: async () => ports });
  const [, clusterId] = /^cluster\.id=(.*)$/m.exec(await readFile(join(dataDir, "meta.properties"), "utf8"))!;
  const config = join(folder, "2.properties");
  const properties = {
    "process.roles": "broker",
    "node.id": 2,
    "controller.quorum.voters": `1@127.0.0.1:${ports.controller}`,
    listeners: `PLAINTEXT://127.0.0.1:${port}`,
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "log.dirs": join(folder, "2"),
    "log.cleaner.dedupe.buffer.size": 4_194_304,
    // As the first has it: the two must agree on who coordinates a group.
    "offsets.topic.num.partitions": 1,
    "offsets.topic.replication.factor": 1,
  };
  await writeFile(
    config,
    Object.entries(properties)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(""),
  );
  const [java, jars] = await Promise.all([findJava(version), kafkaJars(version)]);
  const args = [...JVM, "-cp", join(jars, "*")];
  await run(java, [...args, "kafka.tools.StorageTool", "format", "-t", clusterId!, "-c", config]);
  let second: ChildProcess;
  let gone: Promise<unknown>;
  const kill = () => second.kill("SIGKILL");
  const startSecond = async () => {
    second = spawn(java, [...args, "kafka.Kafka", config], { stdio: "ignore" });
    gone = once(second, "exit");
    await untilItKnows(2, [`127.0.0.1:${port}`]);
  };
  const killSecond = async () => {
    kill();
    await gone;
  };
  process.once("exit", kill);
  await startSecond();
  return {
    brokers: first.brokers,
    killSecond,
    startSecond,
    async stop() {
      await killSecond();
      process.off("exit", kill);
      await first.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** It is a member of the cluster before it answers, and answers before it knows that it is a member. */
async function untilItKnows(count: number, brokers: string[]): Promise<void> {
  const retry = { initialRetryTime: 100, maxRetryTime: 500, retries: 60 };
  const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING, retry }).admin();
  await admin.connect();
  try {
    while ((await admin.describeCluster()).brokers.length < count)
      await new Promise((resolve) => setTimeout(resolve, 100));
  } finally {
    await admin.disconnect();
  }
}
