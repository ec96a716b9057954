import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { access, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { untilItAnswers } from "./broker-answers.ts";
import { type BrokerProcess, launchBroker } from "./broker-process.ts";
import { freePorts } from "./free-ports.ts";
import { kafkaJars } from "./jars.ts";
import { findJava } from "./java.ts";
import { kafkaVersion, majorOf } from "./kafka-version.ts";
import { PortTaken } from "./port-taken.ts";
import { type ExtraListener, LOG4J1, LOG4J2, type Ports, serverProperties } from "./server-properties.ts";

const run = promisify(execFile);

/** A small heap and the quick compiler alone: a broker for tests, up in about two seconds. */
const JVM = ["-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true"];

const PORT_TRIES = 5;

export interface KafkaOptions {
  /** `3.9`, `4` or a full version. Default: the newest 4.x. */
  readonly version?: string | undefined;
  /** Keeps the messages in this folder, which is made if missing; absent: a temporary one, gone when the broker stops. */
  readonly dataDir?: string | undefined;
  /** Properties of the broker, over the starter's own: `{ "message.max.bytes": "2097152" }`. Listeners and folders cannot be set. */
  readonly properties?: Readonly<Record<string, string>> | undefined;
  /** More doors for clients, by name in capitals. */
  readonly listeners?: Readonly<Record<string, ExtraListener>> | undefined;
  /** Users with their passwords for SCRAM-SHA-256 and SCRAM-SHA-512, made when a data folder is first prepared. */
  readonly scramUsers?: Readonly<Record<string, string>> | undefined;
  /** The broker's port, for a broker that comes back where it was. Default: a free one. */
  readonly port?: number | undefined;
  /** The port that clients are told to come to: of a proxy in front of the broker. Default: the broker's own. */
  readonly advertisedPort?: number | undefined;
  /** Chooses the ports of each try; for tests of what happens when one was taken meanwhile. */
  readonly ports?: ((port?: number) => Promise<Ports>) | undefined;
}

export interface RunningKafka {
  /** `127.0.0.1:port`, one entry. */
  readonly brokers: string[];
  /** `127.0.0.1:port` of each door in `listeners`. */
  readonly listeners: Readonly<Record<string, string>>;
  /** In full: `4.4.0`. */
  readonly version: string;
  /** Of the Java process: kill or halt it to see what a client does then. */
  readonly pid: number;
  /** Ends the broker and resolves when its process is gone, and its temporary folder with it. Idempotent; also after it was killed. */
  stop(): Promise<void>;
}

/**
 * Starts the real Apache Kafka, one KRaft node on free loopback ports, and resolves when it answers. The first call for a version
 * fetches its jars.
 *
 * Rejects with `KafkaUnavailable` when this machine has no Java or no way to the jars, with what the broker printed when it does not
 * start. Several brokers run side by side. The broker ends with this process, however this process ends.
 */
export async function startKafka(options: KafkaOptions = {}): Promise<RunningKafka> {
  const version = kafkaVersion(options.version);
  const java = await findJava(version);
  const jars = await kafkaJars(version);
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(options, version, java, jars);
    } catch (error) {
      // A port that the caller asked for is not going to be another one at the next try.
      if (!(error instanceof PortTaken) || options.port !== undefined || attempt >= PORT_TRIES) throw error;
    }
  }
}

async function startOnce(options: KafkaOptions, version: string, java: string, jars: string): Promise<RunningKafka> {
  const ports = await (options.ports ?? freePorts)(options.port);
  const advertisedPort = options.advertisedPort ?? ports.broker;
  const doors = await Promise.all(
    Object.entries(options.listeners ?? {}).map(async ([name, listener]) => ({
      ...listener,
      name,
      port: listener.port ?? (await freePorts()).broker,
    })),
  );
  const folder = await mkdtemp(join(tmpdir(), "waybill-kafka-"));
  let broker: BrokerProcess | undefined;
  const stop = async () => {
    await broker?.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const dataDir = resolve(options.dataDir ?? join(folder, "data"));
    const config = join(folder, "server.properties");
    await mkdir(dataDir, { recursive: true });
    await writeFile(config, serverProperties(ports, advertisedPort, dataDir, options.properties, doors));
    const jvm = [...JVM, await logging(version, folder), "-cp", join(jars, "*")];
    await formatOnce(java, jvm, config, dataDir, options.scramUsers ?? {});
    broker = await launchBroker(java, [...jvm, "kafka.Kafka", config], folder);
    await untilItAnswers(ports.broker, advertisedPort);
  } catch (error) {
    await stop();
    throw error;
  }
  const listeners = Object.fromEntries(doors.map(({ name, port }) => [name, `127.0.0.1:${port}`]));
  return { brokers: [`127.0.0.1:${ports.broker}`], listeners, version, pid: broker.pid, stop };
}

/** Writes the logging configuration and says where it is, as a JVM argument. */
async function logging(version: string, folder: string): Promise<string> {
  const file = join(folder, "log4j.properties");
  const two = majorOf(version) >= 4;
  await writeFile(file, two ? LOG4J2 : LOG4J1);
  return `-D${two ? "log4j2.configurationFile" : "log4j.configuration"}=file:${file}`;
}

/** Kafka wants a folder prepared before its first start, and refuses to prepare it twice. */
async function formatOnce(
  java: string,
  jvm: readonly string[],
  config: string,
  dataDir: string,
  scramUsers: Readonly<Record<string, string>>,
): Promise<void> {
  const isFormatted = await access(join(dataDir, "meta.properties")).then(
    () => true,
    () => false,
  );
  if (isFormatted) return;
  const clusterId = randomBytes(16).toString("base64url");
  // A leading dash would be read as an option.
  const args = ["kafka.tools.StorageTool", "format", "-t", clusterId.replace(/^-/, "A"), "-c", config];
  for (const [name, password] of Object.entries(scramUsers)) {
    for (const mechanism of ["SCRAM-SHA-256", "SCRAM-SHA-512"]) {
      args.push("--add-scram", `${mechanism}=[name=${name},password=${password}]`);
    }
  }
  await run(java, [...jvm, ...args]).catch((error: { stdout: string; stderr: string }) => {
    const said = `${error.stdout}${error.stderr}`.replaceAll(/^\s+at .*\n/gm, "");
    throw new Error(`Kafka could not prepare ${dataDir}. It printed:\n${said}`);
  });
}
