import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, rm, stat, truncate } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  findJava,
  freePorts,
  KAFKA_VERSIONS,
  type KafkaOptions,
  KafkaUnavailable,
  kafkaJars,
  kafkaVersion,
  type RunningKafka,
  startKafka,
} from "@waybill/emulators/kafka";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { kafkaClients, text } from "../kafka/kafka-clients.fixture.ts";
import { testedVersion, testKafka } from "../kafka/test-kafka.ts";

const DOWNLOAD_MS = 600_000;

const asked = process.env.WAYBILL_TEST_KAFKA_VERSION;
const versions = asked ? [kafkaVersion(asked)] : [...KAFKA_VERSIONS];
const newest = versions[0]!;

/** Why no broker can run here: skipped on a person's machine, failed in CI. */
let missing = "";
try {
  for (const version of versions) {
    await findJava(version);
    await kafkaJars(version);
  }
} catch (error) {
  if (process.env.CI || !(error instanceof KafkaUnavailable)) throw error;
  missing = error.message;
  console.warn(`kafka harness: skipped. ${missing}`);
}

const cleanups: (() => Promise<unknown>)[] = [];
const cleanUp = async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
};

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "waybill-kafka-test-"));
  cleanups.push(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function start(options: KafkaOptions = {}): Promise<RunningKafka> {
  const kafka = await startKafka({ version: newest, ...options });
  cleanups.push(() => kafka.stop());
  return kafka;
}

async function connected({ brokers }: Pick<RunningKafka, "brokers">): Promise<void> {
  const socket = connect(Number(brokers[0]!.split(":")[1]), "127.0.0.1");
  await once(socket, "connect");
  socket.destroy();
}

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe.skipIf(missing).each(versions)("Apache Kafka %s", { timeout: 30_000 }, (version) => {
  let kafka: RunningKafka;
  let clients: ReturnType<typeof kafkaClients>;
  let dataDir: string;

  beforeAll(async () => {
    dataDir = await folder();
    kafka = await startKafka({ version, dataDir });
    clients = kafkaClients(kafka.brokers);
  });
  afterAll(async () => {
    await clients?.close();
    await kafka?.stop();
    await cleanUp();
  });

  it("is the version that was asked for", async () => {
    expect(kafka.version).toBe(version);
    const line = execFileSync("ps", ["-ww", "-o", "args=", "-p", String(kafka.pid)], { encoding: "utf8" });
    expect(line).toContain(`kafka/${version}/*`);
    expect(existsSync(join(await kafkaJars(version), `kafka_2.13-${version}.jar`))).toBe(true);
  });

  it("keeps the order of a key, and gives a group what it has not committed", async () => {
    await clients.createTopic("orders", 3);
    const producer = await clients.producer();
    const sent = Array.from({ length: 30 }, (_, n) => ({ key: `k${n % 5}`, value: String(n) }));
    await producer.send({ topic: "orders", messages: sent });

    const first = new Map<number, string[]>();
    let seen = 0;
    const reader = await clients.member("billing", "orders", async ({ partition, message }) => {
      first.set(partition, [...(first.get(partition) ?? []), text(message)]);
      seen += 1;
    });
    await expect.poll(() => seen, { timeout: 10_000 }).toBe(30);
    for (const key of ["k0", "k1", "k2", "k3", "k4"]) {
      const where = [...first.values()].filter((list) => list.some((one) => one.startsWith(`${key}=`)));
      expect(where).toHaveLength(1);
      expect(where[0]!.filter((one) => one.startsWith(`${key}=`))).toEqual(
        sent.filter((one) => one.key === key).map((one) => `${one.key}=${one.value}`),
      );
    }
    // All of it is done but the last message of each partition.
    await reader.consumer.commitOffsets(
      [...first].map(([partition, list]) => ({ topic: "orders", partition, offset: String(list.length - 1) })),
    );
    await reader.consumer.disconnect();

    const again: string[] = [];
    await clients.member("billing", "orders", ({ message }) => void again.push(text(message)));
    await expect.poll(() => again.length, { timeout: 10_000 }).toBe(first.size);
    expect(again.toSorted()).toEqual([...first.values()].map((list) => list.at(-1)).toSorted());
  });

  it("shares the partitions among two members, and gives them back to the one that stays", async () => {
    await clients.createTopic("shared", 4);
    const seen: string[] = [];
    const one = await clients.member("pair", "shared", ({ message }) => void seen.push(`one ${text(message)}`));
    expect(one.joins).toEqual([[0, 1, 2, 3]]);
    const two = await clients.member("pair", "shared", ({ message }) => void seen.push(`two ${text(message)}`));
    await expect.poll(() => one.joins.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(2);
    const shares = [...one.joins.at(-1)!, ...two.joins.at(-1)!];
    expect(one.joins.at(-1)).toHaveLength(2);
    expect(shares.toSorted()).toEqual([0, 1, 2, 3]);

    const producer = await clients.producer();
    const messages = [0, 1, 2, 3].map((partition) => ({ partition, key: `p${partition}`, value: "x" }));
    await producer.send({ topic: "shared", messages });
    await expect.poll(() => seen.length, { timeout: 10_000 }).toBe(4);
    for (const partition of one.joins.at(-1)!) expect(seen).toContain(`one p${partition}=x`);
    for (const partition of two.joins.at(-1)!) expect(seen).toContain(`two p${partition}=x`);

    await two.consumer.disconnect();
    await expect.poll(() => one.joins.at(-1), { timeout: 10_000 }).toEqual([0, 1, 2, 3]);
  });

  it("has its messages and positions again when it comes back, and leaves nothing when it stops", async () => {
    await clients.createTopic("kept", 1);
    const producer = await clients.producer();
    await producer.send({ topic: "kept", messages: [{ value: "a" }, { value: "b" }] });
    const seen: string[] = [];
    const reader = await clients.member("keeper", "kept", ({ message }) => void seen.push(String(message.value)));
    await expect.poll(() => seen).toEqual(["a", "b"]);
    await reader.consumer.commitOffsets([{ topic: "kept", partition: 0, offset: "1" }]);
    await clients.close();

    const before = kafka.pid;
    await Promise.all([kafka.stop(), kafka.stop()]);
    expect(isAlive(before)).toBe(false);
    await expect(connected(kafka)).rejects.toThrow("ECONNREFUSED");

    kafka = await startKafka({ version, dataDir });
    clients = kafkaClients(kafka.brokers);
    expect(await clients.count("kept")).toBe(2);
    const left: string[] = [];
    await clients.member("keeper", "kept", ({ message }) => void left.push(String(message.value)));
    await expect.poll(() => left, { timeout: 10_000 }).toEqual(["b"]);
  });

  it("comes back on the same port after it was killed, over the lock and the log that it left", async () => {
    await clients.createTopic("crash", 1);
    const producer = await clients.producer();
    await producer.send({ topic: "crash", messages: [{ value: "a" }] });
    const port = Number(kafka.brokers[0]!.split(":")[1]);
    process.kill(kafka.pid, "SIGKILL");
    await kafka.stop();
    expect(existsSync(join(dataDir, ".lock"))).toBe(true);

    kafka = await startKafka({ version, dataDir, port });
    // The clients of before go on.
    await producer.send({ topic: "crash", messages: [{ value: "b" }] });
    expect(await clients.count("crash")).toBe(2);
  });
});

describe.skipIf(missing)("side by side", { timeout: 30_000 }, () => {
  let kafka: RunningKafka;
  let dataDir: string;
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "waybill-kafka-test-"));
    kafka = await startKafka({ version: newest, dataDir });
  });
  afterEach(cleanUp);
  afterAll(async () => {
    await kafka?.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  it("runs two brokers that know nothing of each other, with properties of their own", async () => {
    const other = await start({ properties: { "auto.create.topics.enable": "false", "message.max.bytes": "1000" } });
    expect(other.brokers).not.toEqual(kafka.brokers);
    const [a, b] = [kafkaClients(kafka.brokers), kafkaClients(other.brokers)];
    cleanups.push(a.close, b.close);
    await a.createTopic("t", 1);
    await b.createTopic("t", 1);
    const [toA, toB] = [await a.producer(), await b.producer()];
    const messages = [{ value: "x".repeat(2_000) }];
    await toA.send({ topic: "t", messages });
    await expect(toB.send({ topic: "t", messages })).rejects.toThrow(/larger than the max message size/);
    expect([await a.count("t"), await b.count("t")]).toEqual([1, 0]);
  });

  it("takes other ports when one was taken meanwhile", async () => {
    const taken = Number(kafka.brokers[0]!.split(":")[1]);
    const tried: number[] = [];
    const other = await start({
      ports: async () => {
        const ports = await freePorts();
        tried.push(tried.length === 0 ? taken : ports.broker);
        return { ...ports, broker: tried.at(-1)! };
      },
    });
    expect(tried).toHaveLength(2);
    expect(other.brokers).toEqual([`127.0.0.1:${tried[1]}`]);
  });

  it("says so when the port that was asked for is taken", async () => {
    const server = createServer();
    await once(server.listen(0, "127.0.0.1"), "listening");
    cleanups.push(async () => server.close());
    const { port } = server.address() as { port: number };
    await expect(start({ port })).rejects.toThrow(`another process has port ${port}`);
  });

  it("says what Kafka said when it does not start: a folder in use", async () => {
    await expect(start({ dataDir })).rejects.toThrow(/Failed to acquire lock on file .lock/);
    expect(isAlive(kafka.pid)).toBe(true);
  });

  it("refuses a property that is the starter's own", async () => {
    await expect(start({ properties: { listeners: "PLAINTEXT://:9092" } })).rejects.toThrow(
      /listeners is the starter's/,
    );
  });

  it("is the running broker where one is named", async () => {
    vi.stubEnv("WAYBILL_TEST_KAFKA", kafka.brokers[0]!);
    cleanups.push(async () => vi.unstubAllEnvs());
    const named = await testKafka("harness");
    expect(named?.brokers).toEqual(kafka.brokers);
    await named?.stop();
    expect(isAlive(kafka.pid)).toBe(true);
  });

  // The last one here: it ends the broker that they share.
  it("ends when its guard is killed", async () => {
    const guard = Number(execFileSync("ps", ["-o", "ppid=", "-p", String(kafka.pid)], { encoding: "utf8" }));
    expect(execFileSync("ps", ["-ww", "-o", "args=", "-p", String(guard)], { encoding: "utf8" })).toContain(
      "kafka-guard",
    );
    await connected(kafka);
    process.kill(guard, "SIGKILL");
    const refused = () => connected(kafka).then(() => "", String);
    await expect.poll(refused, { timeout: 20_000 }).toContain("ECONNREFUSED");
  });
});

describe.skipIf(missing)("with its parent", { timeout: 30_000 }, () => {
  /** A process that starts a broker, prints its id and temporary folder, and then does `then`. */
  async function parent(then: string) {
    const temporary = await folder();
    const script = `const { startKafka } = await import("@waybill/emulators/kafka");
      console.log((await startKafka({ version: ${JSON.stringify(newest)} })).pid); ${then}`;
    const child = spawn(process.execPath, ["--conditions=waybill-source", "--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "ignore"],
      env: { ...process.env, TMPDIR: temporary },
    });
    cleanups.push(async () => child.kill("SIGKILL"));
    const ended = once(child, "exit");
    const [printed] = (await once(child.stdout, "data")) as [Buffer];
    return { child, ended, pid: Number(printed.toString()), temporary };
  }
  afterEach(cleanUp);

  it("ends when that is killed, with its folder", async () => {
    const { child, ended, pid, temporary } = await parent("setInterval(() => {}, 1000);");
    expect(isAlive(pid)).toBe(true);
    expect(await readdir(temporary)).toContainEqual(expect.stringMatching(/^waybill-kafka-/));
    child.kill("SIGKILL");
    await ended;
    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
    await expect
      .poll(async () => (await readdir(temporary)).filter((name) => name.startsWith("waybill-kafka-")), {
        timeout: 20_000,
      })
      .toEqual([]);
  });

  it("is no reason for it to stay", async () => {
    const { ended, pid } = await parent("");
    expect((await ended)[0]).toBe(0);
    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
  });
});

describe("the command", { timeout: 30_000 }, () => {
  const main = fileURLToPath(new URL("../kafka/main.ts", import.meta.url));
  const command = (...args: string[]) => {
    const child = spawn(process.execPath, ["--conditions=waybill-source", main, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    cleanups.push(async () => child.kill("SIGKILL"));
    return { child, ended: once(child, "exit") };
  };
  afterEach(cleanUp);

  it.skipIf(missing)("prints the broker's address, and stops it on Ctrl-C", async () => {
    const { child, ended } = command("start", "--version", newest);
    const [address] = (await once(child.stdout, "data")) as [Buffer];
    expect(address.toString()).toMatch(/^127\.0\.0\.1:\d+\n$/);
    const broker = { brokers: [address.toString().trim()] };
    await connected(broker);
    child.kill("SIGINT");
    expect(await ended).toEqual([0, null]);
    await expect(connected(broker)).rejects.toThrow("ECONNREFUSED");
  });

  it("answers 2 to what it does not know", async () => {
    for (const args of [[], ["stop"], ["start", "--port", "x"], ["start", "--colour"], ["fetch", "--version", "1"]]) {
      expect(await command(...args).ended, args.join(" ")).toEqual([2, null]);
    }
  });
});

describe.skipIf(missing)("jars", { timeout: DOWNLOAD_MS }, () => {
  afterEach(cleanUp);

  it("are complete or not there: a broken jar is fetched again, once, by two at a time", async () => {
    const cache = await folder();
    const dead = spawn(process.execPath, ["-e", ""]);
    await once(dead, "exit");
    await mkdir(join(cache, `${newest}.part-${dead.pid}-x`));
    await cp(await kafkaJars(newest), join(cache, newest), { recursive: true });
    const jar = join(cache, newest, `kafka_2.13-${newest}.jar`);
    const { size } = await stat(jar);
    await truncate(jar, 10);

    const found = await Promise.all([kafkaJars(newest, cache), kafkaJars(newest, cache)]);
    expect(found).toEqual([join(cache, newest), join(cache, newest)]);
    expect((await stat(jar)).size).toBe(size);
    expect(await readdir(cache)).toEqual([newest]);
  });

  it("leave nothing where there are none to be had", async () => {
    const cache = await folder();
    await expect(kafkaJars("4.0.99", cache)).rejects.toThrow(KafkaUnavailable);
    expect(await readdir(cache)).toEqual([]);
  });
});

describe("on a machine without Java or Maven", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
    return cleanUp();
  });

  it("skips with one plain line, and fails where CI is set", async () => {
    vi.stubEnv("PATH", await folder());
    vi.stubEnv("JAVA_HOME", undefined);
    vi.stubEnv("WAYBILL_TEST_KAFKA", undefined);
    vi.stubEnv("CI", undefined);
    const warn = vi.spyOn(console, "warn").mockReturnValue();
    expect(await testKafka("some suite", { version: "4.4.0" })).toBeUndefined();
    expect(warn.mock.calls).toEqual([
      ["some suite: skipped. Kafka 4.4.0 needs Java 17, and `java` did not run (ENOENT)."],
    ]);
    vi.stubEnv("CI", "true");
    await expect(testKafka("some suite")).rejects.toThrow(KafkaUnavailable);
    await expect(kafkaJars("4.4.0", await folder())).rejects.toThrow("no `mvn` on the PATH");
  });

  it("knows a version by its line or in full, and no other", () => {
    expect(["4", "3.9", "3", "4.1.1"].map((one) => kafkaVersion(one))).toEqual(["4.4.0", "3.9.1", "3.9.1", "4.1.1"]);
    for (const bad of ["5", "latest", "4.4.0; rm", "2.8.0"])
      expect(() => kafkaVersion(bad)).toThrow(/no Kafka version/);
    vi.stubEnv("WAYBILL_TEST_KAFKA_VERSION", "3.9");
    expect(testedVersion()).toBe("3.9.1");
    vi.stubEnv("WAYBILL_TEST_KAFKA_VERSION", "");
    expect([testedVersion(), kafkaVersion()]).toEqual([KAFKA_VERSIONS[0], KAFKA_VERSIONS[0]]);
  });
});
