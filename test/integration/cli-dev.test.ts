import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseEnv, promisify } from "node:util";
import { EventHubProducerClient } from "@azure/event-hubs";
import { AzureKeyCredential, EventGridPublisherClient } from "@azure/eventgrid";
import { ServiceBusClient } from "@azure/service-bus";
import { findJava, kafkaJars, kafkaVersion } from "@waybill/emulators/kafka";
import { Kafka, logLevel } from "kafkajs";
import { afterAll, describe, expect, it, onTestFinished } from "vitest";

// `waybill dev` as a shell runs it, and its addresses as a user's own programs meet them.

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BIN = join(ROOT, "packages/cli/bin/waybill.js");
const folder = mkdtempSync(join(tmpdir(), "waybill-dev-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Running {
  readonly child: ChildProcess;
  /** Resolves with all of standard output and error once they hold the text; rejects when it ends first. */
  said(text: string): Promise<string>;
  readonly ended: Promise<{ code: number | null; signal: string | null; stdout: string; stderr: string }>;
}

function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  const child = spawn(process.execPath, [BIN, ...args], { cwd: folder, env: { PATH: process.env.PATH, ...env } });
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (chunk: string) => {
      text[name] += chunk;
    });
  }
  child.stdin.end();
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal, ...text }));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return {
    child,
    ended,
    said: (expected) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const all = `${text.stdout}${text.stderr}`;
          if (all.includes(expected)) resolve(all);
        };
        child.stdout.on("data", look);
        child.stderr.on("data", look);
        look();
        void ended.then(() => reject(new Error(`It ended without saying ${expected}: ${text.stdout}${text.stderr}`)));
      }),
  };
}

/** The processes that it started, by the system's own list. */
function childrenOf({ child }: Running): number[] {
  return processes()
    .filter(([, parent]) => parent === child.pid)
    .map(([pid]) => pid);
}

/** Every process with its parent: where there is no /proc, there is `ps`; a small Linux image has only the former. */
function processes(): [pid: number, parent: number][] {
  if (!existsSync("/proc/self/stat")) {
    const rows = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" }).trim().split("\n");
    return rows.map((row) => row.trim().split(/\s+/).map(Number) as [number, number]);
  }
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        // The name of the program, in parentheses, may hold anything; the parent is the second field behind it.
        const [, parent] = readFileSync(`/proc/${pid}/stat`, "utf8").split(/\) /).at(-1)!.split(" ");
        return [[Number(pid), Number(parent)] as [number, number]];
      } catch {
        return []; // Gone since the folder was read.
      }
    });
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("waybill dev", () => {
  it("prints addresses, environment and config that work, and leaves nothing behind", async () => {
    const dev = start(["dev", "--json", "--no-kafka", "--env-out", "dev.env", "--config-out", "waybill.config.yaml"]);
    const said = await dev.said("\n");
    const connections = JSON.parse(said) as {
      serviceBus: { connectionString: string };
      eventHubs: { connectionString: string };
      eventGrid: { endpoint: string; key: string };
      storage: { connectionString: string };
      control: { url: string };
    };
    expect(Object.keys(connections)).toEqual(["serviceBus", "eventHubs", "eventGrid", "storage", "control"]);
    const env = parseEnv(readFileSync(join(folder, "dev.env"), "utf8"));
    expect(env).toEqual({
      STORAGE_CONNECTION: connections.storage.connectionString,
      SERVICE_BUS_CONNECTION: connections.serviceBus.connectionString,
      EVENT_HUBS_CONNECTION: connections.eventHubs.connectionString,
      EVENT_GRID_ENDPOINT: connections.eventGrid.endpoint,
      EVENT_GRID_KEY: connections.eventGrid.key,
      WAYBILL_DEV_CONTROL: connections.control.url,
    });

    // The command with the printed config, from the folder that holds it.
    const published = await start(["publish", "orders", "--type", "order.placed", "--data", '{"n":1}'], env).ended;
    expect([published.code, published.stderr]).toEqual([0, ""]);
    const tail = ["tail", "orders", "--subscription", "billing", "--take", "--max", "1", "--json"];
    const tailed = await start(tail, env).ended;
    expect([tailed.code, JSON.parse(tailed.stdout)]).toMatchObject([0, { type: "order.placed", data: { n: 1 } }]);

    await expectAzureSdksToWork(env);
    const state = await fetch(`${connections.control.url}/service-bus/state?path=orders/Subscriptions/billing`);
    expect(await state.json()).toMatchObject({ messages: [{ state: "locked" }] });

    const children = childrenOf(dev);
    expect(children).toHaveLength(1);
    const began = performance.now();
    dev.child.kill("SIGINT");
    expect(await dev.ended).toEqual({ code: 0, signal: null, stdout: said, stderr: "" });
    expect(performance.now() - began).toBeLessThan(8_000);
    expect(children.filter(isThere)).toEqual([]);
    await expect(fetch(connections.eventGrid.endpoint)).rejects.toThrow();
  });

  it("runs every broker whose block of the printed config is used", { timeout: 120_000 }, async () => {
    const dev = start(["dev", "--json", "--no-kafka", "--env-out", "each.env", "--config-out", "each.yaml"]);
    await dev.said("}\n");
    const env = parseEnv(readFileSync(join(folder, "each.env"), "utf8"));
    const text = readFileSync(join(folder, "each.yaml"), "utf8");
    const [, ...blocks] = text.split("# Or:\n");
    expect(blocks).toHaveLength(3);
    for (const block of blocks) {
      const broker = block.split("\n\n")[0]!.replaceAll(/^# /gm, "");
      const name = /adapter: (\S+)/.exec(broker)![1]!;
      writeFileSync(join(folder, `${name}.yaml`), text.replace(/^broker:\n(?: {2}.*\n)+/m, `${broker}\n`));
      const config = ["--config", `${name}.yaml`];
      const publish = ["publish", "orders", "--type", "order.placed", "--data", '{"n":1}', ...config];
      expect([name, await start(publish, env).ended]).toMatchObject([name, { code: 0, stderr: "" }]);
      // Also where nobody has read yet: what waits for a declared subscription is not passed over.
      const tail = ["tail", "orders", "--subscription", "billing", "--take"];
      const tailed = await start([...tail, "--max", "1", "--json", ...config], env).ended;
      expect([name, tailed]).toMatchObject([name, { code: 0 }]);
      expect([name, JSON.parse(tailed.stdout)]).toMatchObject([name, { type: "order.placed", data: { n: 1 } }]);
    }
  });

  it("is what the flights sample uses when its environment is there", { timeout: 120_000 }, async () => {
    const dev = start(["dev", "--json", "--no-kafka", "--env-out", "flights.env"]);
    const { control } = JSON.parse(await dev.said("}\n")) as { control: { url: string } };
    const env = { PATH: process.env.PATH, ...parseEnv(readFileSync(join(folder, "flights.env"), "utf8")) };
    const main = join(ROOT, "samples/01-flights/src/main.ts");
    const args = ["--conditions=waybill-source", main, "--broker", "event-hubs", "--events", "80", "--json"];
    const { stdout } = await promisify(execFile)(process.execPath, args, { env });
    expect(JSON.parse(stdout)).toMatchObject({ published: 80, processed: 80, totalsMatch: true, broker: "event-hubs" });
    const state = (await (await fetch(`${control.url}/event-hubs/state?hub=flights`)).json()) as {
      eventCount: number;
    }[];
    expect(state.reduce((sum, { eventCount }) => sum + eventCount, 0)).toBeGreaterThanOrEqual(80);
  });

  it("prints both for people, says what it is not, and keeps what it was asked to keep", async () => {
    const args = ["dev", "--only", "storage,service-bus", "--data", "kept"];
    const dev = start(args);
    const text = await dev.said("Ctrl-C");
    expect(text).toMatch(/^SERVICE_BUS_CONNECTION='Endpoint=sb:\/\/127\.0\.0\.1:\d+;.*SharedAccessKey=[^*]+;/m);
    expect(text).toContain(`connectionString: \${STORAGE_CONNECTION}`);
    expect(text).toContain("not a service");
    expect(text).not.toContain("EVENT_HUBS");
    dev.child.kill("SIGTERM");
    expect(await dev.ended).toMatchObject({ code: 0, stderr: expect.stringMatching(/Stopped\.\n$/) });
    expect(existsSync(join(folder, "kept/storage"))).toBe(true);
  });

  it("ends at once at the second signal, and Azurite after it", async () => {
    const dev = start(["dev", "--only", "storage"]);
    await dev.said("Ctrl-C");
    const [azurite] = childrenOf(dev);
    // It cannot stop now, so that the command has to wait for it.
    process.kill(azurite!, "SIGSTOP");
    dev.child.kill("SIGINT");
    await dev.said("Stopping.");
    dev.child.kill("SIGINT");
    expect(await dev.ended).toMatchObject({ code: 130 });
    process.kill(azurite!, "SIGCONT");
    await expect.poll(() => isThere(azurite!), { timeout: 8_000 }).toBe(false);
  });

  it("stops as cleanly when the signal comes while it starts", async () => {
    const dev = start(["dev", "--only", "storage"]);
    await dev.said("not a service");
    dev.child.kill("SIGINT");
    expect(await dev.ended).toMatchObject({ code: 0, stderr: expect.stringMatching(/Stopped\.\n$/) });
  });

  it("fails when Azurite ends by itself", async () => {
    const dev = start(["dev", "--only", "storage"]);
    await dev.said("Ctrl-C");
    process.kill(childrenOf(dev)[0]!, "SIGKILL");
    expect(await dev.ended).toMatchObject({ code: 1, stderr: expect.stringContaining("Azurite has ended") });
  });

  it("speaks TLS, so that the administration client works with one variable", async () => {
    const dev = start([
      "dev",
      "--json",
      "--only",
      "service-bus",
      "--certificate-out",
      "ca.pem",
      "--env-out",
      "tls.env",
    ]);
    await dev.said("\n");
    const env = parseEnv(readFileSync(join(folder, "tls.env"), "utf8"));
    expect(env.NODE_EXTRA_CA_CERTS).toBe(join(folder, "ca.pem"));
    const program = `
      import { ServiceBusAdministrationClient } from "@azure/service-bus";
      const admin = new ServiceBusAdministrationClient(process.env.SERVICE_BUS_CONNECTION);
      console.log((await admin.getSubscription("orders", "billing")).subscriptionName);`;
    const output = execFileSync(process.execPath, ["--input-type=module", "-e", program], {
      cwd: ROOT,
      env: { PATH: process.env.PATH, ...env },
      encoding: "utf8",
    });
    expect(output).toBe("billing\n");
  });

  it("takes entities from the official emulator's Config.json", async () => {
    const file = join(folder, "Config.json");
    writeFileSync(file, JSON.stringify({ UserConfig: { Namespaces: [{ Queues: [{ Name: "mine" }] }] } }));
    const dev = start(["dev", "--json", "--only", "service-bus", "--service-bus-config", file]);
    const { serviceBus } = JSON.parse(await dev.said("\n")) as { serviceBus: { connectionString: string } };
    const client = new ServiceBusClient(serviceBus.connectionString, { retryOptions: { maxRetries: 0 } });
    onTestFinished(() => client.close());
    await client.createSender("mine").sendMessages({ body: 1 });
    await expect(client.createSender("orders").sendMessages({ body: 1 })).rejects.toMatchObject({
      code: "MessagingEntityNotFound",
    });
  });

  it("passes a Kafka through, and starts nothing for it", async () => {
    const dev = start(["dev", "--json", "--only", "kafka"], { WAYBILL_DEV_KAFKA: "localhost:9092" });
    expect(JSON.parse(await dev.said("\n"))).toEqual({
      kafka: { brokers: ["localhost:9092"] },
      control: { url: expect.any(String) },
    });
    expect(childrenOf(dev)).toEqual([]);
    dev.child.kill("SIGINT");
    expect(await dev.ended).toMatchObject({ code: 0 });
  });

  it("starts a Kafka where Java is, keeps its data, and leaves no process behind", async ({ skip }) => {
    const reason = await findJava(kafkaVersion())
      .then(() => kafkaJars(kafkaVersion()))
      .then(
        () => undefined,
        (error: Error) => error.message,
      );
    if (reason !== undefined && !process.env.CI) skip(reason);
    const args = ["dev", "--json", "--only", "kafka", "--data", "kafka-data"];
    for (const round of [1, 2]) {
      const dev = start(args, { HOME: process.env.HOME, JAVA_HOME: process.env.JAVA_HOME });
      // Beside the object there may be a warning of Node about kafkajs, on standard error.
      const object = /^\{.*\}$/m.exec(await dev.said("}\n"));
      const { kafka } = JSON.parse(object![0]) as { kafka: { brokers: string[] } };
      const client = new Kafka({ brokers: kafka.brokers, logLevel: logLevel.NOTHING });
      const admin = client.admin();
      await admin.connect();
      if (round === 1) await admin.createTopics({ topics: [{ topic: "kept" }] });
      await expect.poll(() => admin.listTopics()).toContain("kept");
      await admin.disconnect();
      const children = childrenOf(dev);
      expect(children).toHaveLength(1);
      dev.child.kill("SIGTERM");
      expect(await dev.ended).toMatchObject({ code: 0, stdout: `${object![0]}\n` });
      expect(children.filter(isThere)).toEqual([]);
    }
  });

  it.each([
    [["--only", "kafka"], "did not run"],
    [["--control", "http"], "It must be a port"],
    [["--only", "rabbit"], "some of service-bus, event-hubs"],
    [["--env-out", "theirs"], "exists and is none that waybill dev wrote"],
    [["--event-grid-config", "none.json"], "none.json cannot be read: ENOENT"],
  ])("refuses %j before it starts anything", async (args, problem) => {
    writeFileSync(join(folder, "theirs"), "MINE=1\n");
    const { code, stdout, stderr } = await start(["dev", "--quiet", ...args], { JAVA_HOME: folder }).ended;
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(problem);
    expect(readFileSync(join(folder, "theirs"), "utf8")).toBe("MINE=1\n");
  });
});

/** Unmodified clients, with nothing but the environment, meet the entities that are there by default. */
async function expectAzureSdksToWork(env: NodeJS.Dict<string>): Promise<void> {
  const bus = new ServiceBusClient(env.SERVICE_BUS_CONNECTION!);
  await bus.createSender("orders").sendMessages({ body: { n: 2 } });
  const [message] = await bus.createReceiver("orders", "billing").receiveMessages(1, { maxWaitTimeInMs: 5_000 });
  expect(message?.body).toEqual({ n: 2 });
  await bus.close();

  const hub = new EventHubProducerClient(env.EVENT_HUBS_CONNECTION!, "orders");
  await hub.sendBatch([{ body: 3 }], { partitionId: "1" });
  expect(await hub.getPartitionProperties("1")).toMatchObject({ lastEnqueuedSequenceNumber: 0 });
  await hub.close();

  const grid = new EventGridPublisherClient(
    `${env.EVENT_GRID_ENDPOINT}/orders/api/events`,
    "CloudEvent",
    new AzureKeyCredential(env.EVENT_GRID_KEY!),
    { allowInsecureConnection: true },
  );
  await grid.send([{ type: "order.placed", source: "/s", data: { n: 4 } }]);
}
