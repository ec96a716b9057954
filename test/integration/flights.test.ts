import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { canStartKafka } from "../kafka/test-kafka.ts";

const MAIN = fileURLToPath(new URL("../../samples/01-flights/src/main.ts", import.meta.url));
const FLIGHTS = fileURLToPath(new URL("../data/flights-20k.json", import.meta.resolve("vega-datasets")));

interface Row {
  readonly date: string;
  readonly delay: number;
  readonly distance: number;
  readonly origin: string;
  readonly destination: string;
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "waybill-flights-test-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs the sample as its user does. It ends its own processes when it is told to end. */
async function start(...args: string[]) {
  const child = spawn(process.execPath, ["--conditions=waybill-source", MAIN, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const late = setTimeout(() => child.kill("SIGTERM"), 50_000);
  const [code] = await once(child, "close");
  clearTimeout(late);
  const last = stdout.trim().split("\n").at(-1) ?? "";
  return { code, stdout, stderr, summary: last.startsWith("{") ? JSON.parse(last) : undefined };
}

/** What the consumer's database has of each airport: flights and minutes of delay. */
function counted(databases: string): Map<string, [flights: number, delay: string]> {
  const db = new DatabaseSync(join(databases, "totals.db"), { readOnly: true });
  try {
    const rows = db.prepare("SELECT airport, flights, delay FROM airport_totals").all();
    return new Map(rows.map(({ airport, flights, delay }) => [String(airport), [Number(flights), String(delay)]]));
  } finally {
    db.close();
  }
}

/** The same from the rows alone; delays are whole minutes here. */
function recomputed(rows: readonly Row[]): Map<string, [flights: number, delay: string]> {
  const totals = new Map<string, [number, string]>();
  for (const { origin, delay } of rows) {
    const [flights, sum] = totals.get(origin) ?? [0, "0"];
    totals.set(origin, [flights + 1, String(BigInt(sum) + BigInt(delay))]);
  }
  return totals;
}

async function inputOf(name: string, content: unknown): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
}

const flight: Row = { date: "2001/01/01 00:47", delay: 5, distance: 100, origin: "DTW", destination: "LAS" };

describe("in memory", () => {
  it("counts 2 000 recorded flights once each, with every injected case on the way", async () => {
    const keep = join(folder, "memory");
    const { code, stderr, summary } = await start("--events", "2000", "--seed", "5", "--keep", keep);
    // Closed properly: no write-ahead log is left beside a database.
    expect((await readdir(keep)).sort()).toEqual(["service.db", "totals.db"]);
    expect(stderr).toContain("handler-failed after 3 attempts");
    expect(code).toBe(0);
    expect(summary).toMatchObject({
      published: 2_000,
      processed: 2_000,
      totalsMatch: true,
      orderViolations: 0,
      order: "per-key",
      broker: "memory",
      refused: 0,
    });
    expect(summary.duplicatesDropped).toBeGreaterThan(10);
    expect(summary.deadLettered).toBeGreaterThan(1);
    expect(summary.redriven).toBe(summary.deadLettered);
    expect(summary.retried).toBeGreaterThan(2 * summary.deadLettered);
    const rows = JSON.parse(await readFile(FLIGHTS, "utf8")) as Row[];
    expect(counted(keep)).toEqual(recomputed(rows.slice(0, 2_000)));
  });

  it("adds up whatever numbers and names a file holds, and says which rows are no flights", async () => {
    const good = [
      ...[0.1, 0.2, -0.3, 1e308, -1e308, 5e-324, 2 ** 53].map((delay) => ({ ...flight, delay })),
      ...["__proto__", "__proto__", "constructor", "東京", "é", "é", " ", "x".repeat(128)].map((origin) => ({
        ...flight,
        origin,
      })),
      { ...flight, gate: { "": [1] } },
      flight,
      flight,
    ];
    const bad = [
      ...["12", null, undefined, Number.NaN, true].map((delay) => ({ ...flight, delay })),
      ...["", "x".repeat(129), "a\u0000b", "\ud800", null, 7].map((origin) => ({ ...flight, origin })),
      ...[null, 5, "flight", [], {}, true],
      { ...flight, destination: null },
    ];
    const mixed = good.flatMap((row, index) => (index < bad.length ? [row, bad[index]] : [row]));
    const rows = [...mixed, ...bad.slice(good.length)];
    const keep = join(folder, "nasty");
    const { code, stderr, summary } = await start(
      "--input",
      await inputOf("nasty.json", rows),
      "--json",
      "--keep",
      keep,
    );
    expect(code).toBe(0);
    expect(summary).toMatchObject({
      published: good.length,
      processed: good.length,
      refused: bad.length,
      totalsMatch: true,
    });
    expect(stderr).toContain(`${bad.length} rows refused`);
    expect(stderr).toContain("row 2: delay: ");
    const totals = counted(keep);
    expect(totals.get("__proto__")).toEqual([2, "10"]);
    // 0.1 + 0.2 - 0.3 is 0 here, the two huge ones cancel, the tiniest stays: nothing drifts.
    expect(totals.get("DTW")).toEqual([10, `9007199254741007.${"0".repeat(323)}5`]);
  });

  it("keeps to its promises with no row, one row, and one airport", async () => {
    const none = await start("--input", await inputOf("none.json", []));
    expect(none.code).toBe(0);
    expect(none.summary).toMatchObject({ published: 0, processed: 0, totalsMatch: true, deadLettered: 0 });
    const one = await start("--events", "1");
    expect(one.code).toBe(0);
    expect(one.summary).toMatchObject({
      published: 1,
      processed: 1,
      duplicatesDropped: 1,
      deadLettered: 1,
      redriven: 1,
    });
    const same = await start(
      "--input",
      await inputOf(
        "same.json",
        Array.from({ length: 300 }, () => flight),
      ),
    );
    expect(same.code).toBe(0);
    expect(same.summary).toMatchObject({ published: 300, processed: 300, totalsMatch: true, orderViolations: 0 });
  });
});

describe("the command line", () => {
  it.each([
    ["an object", '{"date":"2001"}', "array"],
    ["no JSON", "[1,", "is not JSON"],
    ["nothing", "", "is not JSON"],
  ])("refuses a file that holds %s", async (name, content, words) => {
    const { code, stdout, stderr } = await start("--input", await inputOf(`${name}.json`, content));
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(words);
  });

  it.each([
    [["--evnts", "5"], "--evnts"],
    [["--events", "many"], "--events"],
    [["--broker", "pigeon"], "pigeon"],
    [["flights.json"], "flights.json"],
    [["--input", "/nowhere/flights.json"], "/nowhere/flights.json"],
  ])("refuses %j", async (args, words) => {
    const { code, stdout, stderr } = await start(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(words);
  });

  it.each([
    ["a file", ["file"], "it is a file"],
    ["below a file", ["file", "x"], "below one"],
    ["where the system makes none", ["/proc/x/y"], "no folder can be made there"],
  ])("refuses to keep the databases in %s, at once", async (_, parts, words) => {
    await inputOf("file", "");
    const keep = parts[0]?.startsWith("/") ? String(parts[0]) : join(folder, ...parts);
    const { code, stdout, stderr } = await start("--events", "1", "--keep", keep);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(`--keep ${keep} cannot be used`);
    expect(stderr).toContain(words);
  });

  it("says nothing of a reader that has gone", async () => {
    const child = spawn(process.execPath, ["--conditions=waybill-source", MAIN, "--events", "1"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.destroy();
    let stderr = "";
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    const [code] = await once(child, "close");
    expect({ code, stack: /EPIPE|\bat /.test(stderr) }).toEqual({ code: 0, stack: false });
  });

  it("helps, also behind the dashes that pnpm hands on", async () => {
    const { code, stdout } = await start("--", "--help");
    expect(code).toBe(0);
    expect(stdout).toContain("npx pnpm@12 start --broker storage-queue");
  });
});

describe.each([
  ["storage-queue", "none"],
  ["service-bus", "per-key"],
  ["event-hubs", "per-key"],
  ["event-grid", "none"],
  ["kafka", "per-key"],
])("over %s", (broker, order) => {
  const possible = broker === "kafka" ? canStartKafka("flights over kafka") : true;

  it("counts 300 flights once each with relay and two consumers in processes of their own, and leaves no process behind", async (context) => {
    if (!(await possible)) context.skip();
    const keep = join(folder, broker);
    const { code, summary, stderr } = await start("--broker", broker, "--events", "300", "--keep", keep);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(summary).toMatchObject({ published: 300, processed: 300, totalsMatch: true, order, broker });
    if (order === "per-key") expect(summary.orderViolations).toBe(0);
    if (broker === "storage-queue") expect(summary.duplicatesDropped).toBeGreaterThan(0);
    expect(summary.deadLettered).toBeGreaterThan(0);
    expect(summary.redriven).toBe(summary.deadLettered);
    const rows = JSON.parse(await readFile(FLIGHTS, "utf8")) as Row[];
    expect(counted(keep)).toEqual(recomputed(rows.slice(0, 300)));
    expectGone(await pidsIn(keep));
  });
});

describe("over storage queues", () => {
  it("stops everything it started when it is told to end", async () => {
    const keep = join(folder, "stopped");
    const child = spawn(
      process.execPath,
      ["--conditions=waybill-source", MAIN, "--broker", "storage-queue", "--events", "20000", "--keep", keep],
      { stdio: "ignore" },
    );
    const exit = once(child, "exit");
    try {
      while (!existsSync(join(keep, "processes.json")) || (await pidsIn(keep)).length < 3) {
        if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const pids = await pidsIn(keep);
      child.kill("SIGTERM");
      expect((await exit)[0]).toBe(143);
      expectGone(pids);
    } finally {
      child.kill("SIGKILL");
    }
  });
});

async function pidsIn(keep: string): Promise<number[]> {
  return Object.values(JSON.parse(await readFile(join(keep, "processes.json"), "utf8")));
}

function expectGone(pids: readonly number[]): void {
  expect(pids).toHaveLength(3);
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow("ESRCH");
}
