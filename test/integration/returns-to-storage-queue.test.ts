import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { assessConfig, loadConfig, openAdapters, openBus, planTopology } from "@waybill/config";
import { startAzurite, startEventHubsEmulator } from "@waybill/emulators";
import { describe, expect, it, onTestFinished, vi } from "vitest";

const PROGRAM = fileURLToPath(new URL("./returns-consumer.program.ts", import.meta.url));
const EVENTS = 20;
const PATIENCE = { timeout: 30_000, interval: 50 };

/** Hubs for the topic, queues for what returns to `billing`; `mail` reads the topic too. */
async function setUp(delay: string) {
  const emulator = await startEventHubsEmulator();
  const azurite = await startAzurite({ blobs: true });
  const folder = mkdtempSync(join(tmpdir(), "waybill-returns-"));
  onTestFinished(async () => {
    await emulator.close();
    await azurite.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  emulator.control.createHub("orders", { partitionCount: 2, consumerGroups: ["billing", "mail"] });
  for (const dead of ["orders.billing.dead", "orders.mail.dead"])
    emulator.control.createHub(dead, { partitionCount: 1 });
  const file = join(folder, "waybill.config.yaml");
  writeFileSync(
    file,
    `source: /shop
topology: apply
brokers:
  hubs:
    adapter: event-hubs
    connectionString: ${emulator.connectionString}
    checkpoints: { connectionString: ${JSON.stringify(azurite.connectionString)} }
    updateInterval: 300ms
    ownership: 2s
  queues:
    adapter: storage-queue
    connectionString: ${JSON.stringify(azurite.connectionString)}
topics:
  orders:
    broker: hubs
    subscriptions:
      billing:
        order: none
        retryBroker: queues
        retry: { initial: ${delay}, factor: 1, jitter: 0, inPlace: 100ms }
      mail: { order: none }
`,
  );
  const loaded = await loadConfig({ file, env: {} });
  const bus = async () => {
    const open = await openBus({ loaded });
    onTestFinished(() => open.close());
    return open;
  };
  const adapters = await openAdapters(loaded);
  onTestFinished(async () => void (await Promise.all(Object.values(adapters).map((adapter) => adapter.close()))));
  const waiting = async (broker: "hubs" | "queues") =>
    (await adapters[broker]?.backlog?.({ topic: "orders", subscription: "billing" }))?.events;
  return { file, loaded, adapters, bus, waiting };
}

const events = Array.from({ length: EVENTS }, (_, index) => ({
  specversion: "1.0" as const,
  id: `e-${index}`,
  source: "/shop",
  type: "placed",
  partitionkey: `k-${index % 5}`,
  data: { index },
}));
const ids = events.map(({ id }) => id).sort();

/** A consumer in a process of its own, and the lines that it has said. */
function startConsumer(file: string) {
  const child: ChildProcess = spawn(process.execPath, ["--conditions=waybill-source", PROGRAM, file], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const kill = async () => {
    child.kill("SIGKILL");
    await ended;
  };
  onTestFinished(kill);
  const lines: string[] = [];
  createInterface({ input: child.stdout! }).on("line", (line) => lines.push(line));
  /** Ids of the lines of this kind and attempt. */
  const told = (what: "failed" | "done", attempt: number) =>
    lines
      .filter((line) => line.startsWith(`${what} `) && line.endsWith(` ${attempt}`))
      .map((line) => line.split(" ")[1]!)
      .sort();
  return { lines, told, kill };
}

describe("retries of a hub's subscription in a storage queue", () => {
  it("outlive the consumer that asked for them, count on, and reach that subscription alone", {
    timeout: 90_000,
  }, async () => {
    const { file, loaded, adapters, bus, waiting } = await setUp("4s");
    const signal = AbortSignal.timeout(60_000);
    const plan = async () =>
      (await planTopology(adapters, { signal })).map(({ broker, step }) => `${broker} ${step.entity}`);
    // Of the subscription, and of its dead letters.
    expect((await plan()).filter((step) => step.startsWith("queues"))).toEqual(["queues queue", "queues queue"]);

    const publisher = await bus();
    expect(await plan()).toEqual([]);
    const mail: string[] = [];
    await publisher.subscribe("orders", { name: "mail" }, async (event, { attempt }) => {
      mail.push(`${event.id} ${attempt}`);
    });
    const first = startConsumer(file);
    await publisher.publishRaw("orders", events);
    await vi.waitFor(() => expect(first.told("failed", 1)).toEqual(ids), PATIENCE);
    // Every copy has arrived and every original is acked.
    await vi.waitFor(
      async () => expect([await waiting("hubs"), await waiting("queues")]).toEqual([0, EVENTS]),
      PATIENCE,
    );
    expect(await publisher.backlog("orders", "billing")).toMatchObject({ events: EVENTS });
    await first.kill();

    const second = startConsumer(file);
    await vi.waitFor(() => expect(second.told("done", 3)).toEqual(ids), PATIENCE);
    expect(second.told("failed", 2)).toEqual(ids);
    expect(second.told("failed", 1)).toEqual([]);
    await vi.waitFor(async () => expect(await waiting("queues")).toBe(0), PATIENCE);
    expect(mail.sort()).toEqual(ids.map((id) => `${id} 1`));

    const [billing] = await assessConfig(loaded, adapters, signal);
    expect(billing?.assessment?.granted?.guarantee.retry).toBe("copy");
    expect(billing?.assessment?.retries.map(({ way }) => way)).toEqual(["copy", "copy", "copy", "copy"]);
  });

  it("end among its dead letters, from where a redrive reaches that subscription alone", {
    timeout: 60_000,
  }, async () => {
    const { bus } = await setUp("1s");
    const open = await bus();
    const mail: string[] = [];
    const billing: string[] = [];
    let works = false;
    await open.subscribe("orders", { name: "mail" }, async (event) => void mail.push(event.id));
    const options = { name: "billing", retry: { attempts: 2 } };
    await open.subscribe("orders", options, async (event, { attempt, redriven }) => {
      billing.push(`${event.id} ${attempt}${redriven ? " redriven" : ""}`);
      if (!works) throw new Error("down");
    });
    await open.publishRaw("orders", events.slice(0, 1));
    const dead = open.deadLetters("orders", "billing");
    await vi.waitFor(async () => expect(await dead.list()).toHaveLength(1), PATIENCE);
    const [record] = await dead.list();
    expect(record).toMatchObject({ id: "e-0", event: { data: { index: 0 }, partitionkey: "k-0" } });
    expect(record?.reason).toMatchObject({
      reason: "handler-failed",
      attempts: 2,
      topic: "orders",
      subscription: "billing",
    });
    works = true;
    expect(await dead.redrive()).toEqual({ done: 1, skipped: 0 });
    await vi.waitFor(() => expect(billing).toEqual(["e-0 1", "e-0 2", "e-0 1 redriven"]), PATIENCE);
    expect(mail).toEqual(["e-0"]);
  });
});
