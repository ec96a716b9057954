// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how config files refer to variables
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openBus, openOutbox } from "@waybill/config";
import { defineEvent, defineTopic, PermanentError } from "@waybill/core";
import { afterAll, describe, expect, it } from "vitest";
import { testAzurite } from "../azurite/test-azurite.ts";

// The commands as a shell runs them, over storage queues on Azurite.

const BIN = fileURLToPath(new URL("../../packages/cli/bin/waybill.js", import.meta.url));

const azurite = await testAzurite("cli over storage queues");

const folder = mkdtempSync(join(tmpdir(), "waybill-cli-it-"));
const connectionString = azurite?.connectionString ?? "";
let configs = 0;

afterAll(async () => {
  await azurite?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A config with a prefix and a store of its own: no test sees another's queues. */
function config(topics = "{ orders: { subscriptions: [billing] } }"): { file: string; env: Record<string, string> } {
  const file = join(folder, `c${++configs}.yaml`);
  writeFileSync(
    file,
    [
      "source: /cli",
      `prefix: t${configs}`,
      'broker: { adapter: storage-queue, connectionString: "${STORAGE}", maxPoll: 100ms }',
      `topics: ${topics}`,
      `outbox: { store: sqlite, path: ./s${configs}.db }`,
    ].join("\n"),
  );
  return { file, env: { STORAGE: connectionString } };
}

interface Started {
  readonly stdout: () => string;
  said(text: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

function start(args: readonly string[], { file, env }: ReturnType<typeof config>, input = ""): Started {
  const child = spawn(process.execPath, [BIN, "--config", file, ...args], { env: { PATH: process.env.PATH, ...env } });
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (chunk: string) => {
      text[name] += chunk;
    });
  }
  child.stdin.end(input);
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, ...text }));
  return {
    stdout: () => text.stdout,
    ended,
    kill: (signal) => child.kill(signal),
    said: (expected) =>
      new Promise((resolve, reject) => {
        const look = () => `${text.stdout}${text.stderr}`.includes(expected) && resolve();
        child.stdout.on("data", look);
        child.stderr.on("data", look);
        look();
        void ended.then(() => reject(new Error(`It ended without saying ${expected}: ${text.stdout}${text.stderr}`)));
      }),
  };
}

const waybill = (args: readonly string[], setup: ReturnType<typeof config>, input?: string) =>
  start(args, setup, input).ended;
const lines = (text: string) =>
  text
    .trim()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** Publishes events and lets a handler give all of them up. */
async function makeDeadLetters(setup: ReturnType<typeof config>, ids: readonly string[]): Promise<void> {
  await using bus = await openBus({ file: setup.file, env: setup.env });
  const events = ids.map((id) => ({
    specversion: "1.0" as const,
    id,
    source: "/s",
    type: `type.${id[0]}`,
    data: { id },
  }));
  await bus.publishRaw("orders", events);
  let left = ids.length;
  const allFailed = Promise.withResolvers<void>();
  const subscription = await bus.subscribe("orders", { name: "billing" }, () => {
    if (--left === 0) allFailed.resolve();
    throw new PermanentError("no such account");
  });
  await allFailed.promise;
  await subscription.drain();
}

describe.skipIf(azurite === undefined)("the commands over storage queues", () => {
  it("topology: plan, apply and prune; nothing is deleted unasked", async () => {
    const setup = config();
    const planned = await waybill(["topology", "plan", "--json"], setup);
    expect(planned.code).toBe(4);
    expect(lines(planned.stdout).map(({ action, entity }) => [action, entity])).toEqual([
      ["create", "queue"],
      ["create", "queue"],
      [undefined, undefined],
    ]);
    const applied = await waybill(["topology", "apply", "--yes"], setup);
    expect(applied.code).toBe(0);
    expect(applied.stdout).toMatch(/^2\/2 created queue t\d+-orders-billing-[0-9a-f]{6}/m);
    expect(await waybill(["topology", "plan"], setup)).toMatchObject({ code: 0 });
    expect(await waybill(["topology", "apply", "--yes"], setup)).toMatchObject({ code: 0 });

    writeFileSync(setup.file, readFileSync(setup.file, "utf8").replace("[billing]", "[mail]"));
    const [mail] = lines((await waybill(["topology", "plan", "--json"], setup)).stdout);
    expect(mail).toMatchObject({ action: "create", broker: "main" });
    const pruned = await waybill(["topology", "apply", "--prune", "--yes", "--json"], setup);
    expect(lines(pruned.stdout).at(-1)).toEqual({ applied: 4, left: 0 });
    expect(await waybill(["topology", "plan", "--prune"], setup)).toMatchObject({ code: 0 });
  });

  it("topology: a broker that refuses the key is no plan", async () => {
    const setup = config();
    setup.env.STORAGE = (setup.env.STORAGE as string).replace(/AccountKey=[^;]+/, "AccountKey=d3Jvbmcga2V5");
    const { code, stderr } = await waybill(["topology", "plan"], setup);
    expect(code).toBe(3);
    expect(stderr).not.toContain("d3Jvbmcga2V5");
  });

  it("publish and tail: what is printed is taken, no more than --max, and comes round as it went", async () => {
    const setup = config();
    const documents = [
      {
        specversion: "1.0",
        id: "e-1",
        source: "/x",
        type: "a",
        time: "2026-01-31T12:00:00Z",
        datacontenttype: "application/json",
        data: { n: 1 },
      },
      {
        specversion: "1.0",
        id: "e-2",
        source: "/x",
        type: "b",
        time: "2026-01-31T12:00:00Z",
        datacontenttype: "application/octet-stream",
        data_base64: "AAH/",
      },
      {
        specversion: "1.0",
        id: "e-3",
        source: "/x",
        type: "a",
        time: "2026-01-31T12:00:00Z",
        partitionkey: "k",
        myext: "v",
      },
    ];
    const published = await waybill(
      ["publish", "orders", "--file", "-", "--json"],
      setup,
      documents.map((d) => JSON.stringify(d)).join("\n"),
    );
    expect([published.code, lines(published.stdout)]).toEqual([0, [{ topic: "orders", published: 3, failed: 0 }]]);

    const take = ["tail", "orders", "--subscription", "billing", "--take", "--json"];
    const first = await waybill([...take, "--max", "2"], setup);
    const rest = await waybill([...take, "--max", "1"], setup);
    expect([first.code, rest.code]).toEqual([0, 0]);
    expect(lines(first.stdout)).toHaveLength(2);
    const back = [...lines(first.stdout), ...lines(rest.stdout)].sort((a, b) =>
      String(a.id).localeCompare(String(b.id)),
    );
    expect(back).toEqual(documents);
  });

  it("tail takes no more than --max, and makes no dead letters, whatever the file says of the subscription", async () => {
    const billing = "{ concurrency: 16, maxInFlight: 64, retry: { attempts: 1 } }";
    const setup = config(`{ orders: { subscriptions: { billing: ${billing} } } }`);
    const input = Array.from({ length: 10 }, (_, n) => `{"type":"t","id":"e-${n}"}`).join("\n");
    await waybill(["publish", "orders", "--file", "-"], setup, input);
    const take = ["tail", "orders", "--subscription", "billing", "--take", "--json"];
    const first = await waybill([...take, "--max", "2"], setup);
    const rest = await waybill([...take, "--max", "8"], setup);
    expect([lines(first.stdout).length, lines(rest.stdout).length]).toEqual([2, 8]);
    expect((await waybill(["dead", "list", "orders", "billing", "--json"], setup)).stdout).toBe("");
  });

  it("tail refuses to take unasked", async () => {
    const setup = config();
    const bare = await waybill(["tail", "orders"], setup);
    expect([bare.code, bare.stderr]).toEqual([2, expect.stringContaining("WB_TAIL_NEEDS_SUBSCRIPTION")]);
    const named = await waybill(["tail", "orders", "--subscription", "billing"], setup);
    expect([named.code, named.stderr]).toEqual([2, expect.stringContaining("WB_TAIL_TAKES")]);
  });

  it("works on one broker while another is down, and says which one it is", async () => {
    const setup = config("{ orders: { broker: main, subscriptions: [billing] }, audits: { broker: audit } }");
    const text = readFileSync(setup.file, "utf8").replace(
      /^broker: (.*)$/m,
      'brokers:\n  main: $1\n  audit: { adapter: event-grid, endpoint: "http://127.0.0.1:9", key: bm9ib2R5 }',
    );
    writeFileSync(setup.file, text);
    const done = [
      ["publish", "orders", "--type", "t"],
      ["tail", "orders", "--subscription", "billing", "--take", "--max", "1"],
      ["dead", "list", "orders", "billing"],
      ["dead", "redrive", "orders", "billing"],
    ];
    for (const args of done) expect([args, (await waybill(args, setup)).code]).toEqual([args, 0]);
    const down = await waybill(["publish", "audits", "--type", "t"], setup);
    expect([down.code, down.stderr]).toEqual([
      3,
      expect.stringContaining("WB_BROKER_UNREACHABLE: The broker (audit: event-grid) cannot"),
    ]);
  });

  it("dead: says where else the configuration sends what is given up", async () => {
    const setup = config("{ orders: { subscriptions: { billing: { deadLetterTo: graves }, mail: {} } }, graves: {} }");
    const redrive = (subscription: string) => waybill(["dead", "redrive", "orders", subscription], setup);
    expect((await redrive("billing")).stderr).toContain("orders/billing gives events up to the topic graves");
    expect((await redrive("mail")).stderr).not.toContain("graves");
  });

  it("dead: list, show, redrive and purge what a filter selects", async () => {
    const setup = config();
    await makeDeadLetters(setup, ["a-1", "a-2", "b-1"]);
    const place = ["orders", "billing", "--json"];
    const listed = await waybill(["dead", "list", ...place, "--type", "type.a"], setup);
    expect(
      lines(listed.stdout)
        .map(({ id }) => id)
        .sort(),
    ).toEqual(["a-1", "a-2"]);

    const shown = await waybill(["dead", "show", "orders", "billing", "b-1", "--json"], setup);
    expect(lines(shown.stdout)[0]).toMatchObject({
      id: "b-1",
      reason: { reason: "rejected", error: expect.stringContaining("no such account"), attempts: 1 },
      event: { type: "type.b", data: { id: "b-1" } },
    });

    const dry = await waybill(["dead", "redrive", ...place, "--id", "a-2", "--dry-run"], setup);
    expect(lines(dry.stdout)).toEqual([
      { topic: "orders", subscription: "billing", redriven: 1, left: 2, dryRun: true },
    ]);
    const redriven = await waybill(["dead", "redrive", ...place, "--id", "a-2"], setup);
    expect(lines(redriven.stdout)[0]).toMatchObject({ redriven: 1, dryRun: false });
    const tailed = await waybill(
      ["tail", "orders", "--subscription", "billing", "--take", "--max", "1", "--json"],
      setup,
    );
    expect(lines(tailed.stdout)).toMatchObject([{ id: "a-2", data: { id: "a-2" } }]);

    const purged = await waybill(["dead", "purge", ...place, "--reason", "rejected", "--max", "1", "--yes"], setup);
    expect(lines(purged.stdout)[0]).toMatchObject({ purged: 1 });
    expect(lines((await waybill(["dead", "list", ...place], setup)).stdout)).toHaveLength(1);
  });

  it("relay publishes the outbox, says when it is ready, and drains on SIGTERM with its figures last", async () => {
    const setup = config();
    const placed = defineEvent("placed");
    const orders = defineTopic("orders", [placed]);
    const outbox = await openOutbox({ file: setup.file, env: setup.env });
    await outbox.transaction((tx) =>
      outbox.publish(tx, orders, [placed({ n: 1 }, { id: "p-1" }), placed({ n: 2 }, { id: "p-2" })]),
    );

    const relay = start(["relay", "--json", "--log-level", "debug"], setup);
    await relay.said('"ready":true');
    const tailed = await waybill(
      ["tail", "orders", "--subscription", "billing", "--take", "--max", "2", "--json"],
      setup,
    );
    expect(
      lines(tailed.stdout)
        .map(({ id }) => id)
        .sort(),
    ).toEqual(["p-1", "p-2"]);
    relay.kill("SIGTERM");
    const { code, stdout, stderr } = await relay.ended;
    expect(code).toBe(0);
    expect(lines(stdout)).toMatchObject([
      { ready: true },
      { stopped: true, published: 2, retried: 0, dead: 0, waiting: 0 },
    ]);
    expect(lines(stderr).map(({ msg }) => msg)).toContain("draining");
  });

  it("relay --port answers health, readiness and metrics, on this machine only", async () => {
    const setup = config();
    const outbox = await openOutbox({ file: setup.file, env: setup.env });
    const write = (topic: string, id: string) =>
      outbox.transaction((tx) =>
        outbox.publishRaw(tx, topic, {
          specversion: "1.0",
          id,
          source: "/s",
          type: "t",
          time: new Date(Date.now() - 30_000).toISOString(),
        }),
      );
    await write("orders", "1");
    // Nobody is declared for it, so that it cannot be published.
    await write("nowhere", "2");
    const relay = start(["relay", "--json", "--port", "0", "--set", "relay.retry.attempts=2"], setup);
    await relay.said('"ready":true');
    const port = Number(/"port":(\d+)/.exec(relay.stdout())?.[1]);
    const get = (path: string, host = "127.0.0.1") => fetch(`http://${host}:${port}${path}`);
    expect(await (await get("/healthz")).json()).toMatchObject({ live: true, state: expect.any(String) });
    const ready = await get("/readyz");
    expect([ready.status, await ready.json()]).toMatchObject([200, { ready: true, resting: expect.any(Array) }]);
    expect([(await get("/")).status, (await get("/__proto__")).status]).toEqual([404, 404]);
    expect((await fetch(`http://127.0.0.1:${port}/metrics`, { method: "POST" })).status).toBe(405);
    await relay.said("given up");
    const metrics = await get("/metrics");
    const text = await metrics.text();
    expect(metrics.headers.get("content-type")).toContain("text/plain; version=0.0.4");
    expect(text).toMatch(/^waybill_relay_published_total\{topic="orders"\} 1$/m);
    expect(text).toMatch(/^waybill_relay_dead_total\{topic="nowhere"\} 1$/m);
    expect(text).toMatch(/^waybill_outbox_up 1$/m);
    expect(text).toMatch(/^waybill_outbox_rows\{state="waiting"\} \d+$/m);
    expect(text).toMatch(/^waybill_relay_buckets 64$/m);
    const second = await waybill(["relay", "--port", String(port), "--json"], setup);
    expect(second).toMatchObject({ code: 2, stderr: expect.stringContaining("WB_RELAY_PORT") });
    relay.kill("SIGTERM");
    expect((await relay.ended).code).toBe(0);
  });

  it("relay starts while the broker is down, and a second signal ends it at once", async () => {
    const setup = config();
    const down = { ...setup, env: { STORAGE: connectionString.replace(/:\d+\//, ":1/") } };
    const placed = defineEvent("placed");
    const outbox = await openOutbox({ file: setup.file, env: setup.env });
    await outbox.transaction((tx) => outbox.publish(tx, defineTopic("orders", [placed]), placed({})));
    const relay = start(["relay", "--json", "--drain-timeout", "1m"], down);
    await relay.said("broker not reachable yet");
    relay.kill("SIGTERM");
    await relay.said("draining");
    relay.kill("SIGINT");
    expect([0, 130]).toContain((await relay.ended).code);
  });

  it("says 3 for a broker that is down and for credentials it refuses, and never the key", async () => {
    const setup = config();
    const key = "Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5";
    const refused = connectionString.replace(/AccountKey=[^;]+/, `AccountKey=${key}`);
    const down = refused.replace(/:\d+\//, ":1/");
    const commands = [
      ["publish", "orders", "--type", "t"],
      ["tail", "orders", "--subscription", "billing", "--take"],
      ["dead", "list", "orders", "billing"],
      ["dead", "redrive", "orders", "billing", "--json"],
    ];
    for (const STORAGE of [refused, down]) {
      const runs = commands.map((command) =>
        waybill([...command, "--verbose"], { file: setup.file, env: { STORAGE } }),
      );
      for (const { code, stdout, stderr } of await Promise.all(runs)) {
        expect([code, stderr]).toEqual([3, expect.stringMatching(/WB_/)]);
        expect(stdout + stderr).not.toContain(key);
      }
    }
  });
});
