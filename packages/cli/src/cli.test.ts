// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how config files refer to variables
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PermanentError } from "@waybill/core";
import { createOutbox, createRelay } from "@waybill/outbox";
import { sqlite } from "@waybill/outbox/sqlite";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { runWaybill, startWaybill } from "./run-waybill.test.helper.ts";

// Each command is a process of its own: what a script sees is what is tested. Real brokers come in test/integration.
// A process takes long to start where many do; no test here waits for time.
vi.setConfig({ testTimeout: 60_000 });

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "waybill-cli-"));
  write(
    "waybill.config.yaml",
    "source: /cli\nbroker: memory\ntopics: { orders: { subscriptions: [billing] } }\noutbox: { store: sqlite, path: ./s.db }",
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
const waybill = (args: string[], options: { env?: Record<string, string>; input?: string } = {}) =>
  runWaybill(args, { cwd: folder, ...options });
const json = (text: string) => JSON.parse(text.trim().split("\n").at(-1) ?? "") as Record<string, unknown>;

describe("config", () => {
  it("prints values with origins", async () => {
    const { code, stdout } = await waybill(["config", "--json"], { env: { WAYBILL_PREFIX: "test" } });
    expect(code).toBe(0);
    expect(json(stdout).values).toEqual(
      expect.arrayContaining([
        { path: "prefix", value: "test", secret: false, from: "environment", variables: ["WAYBILL_PREFIX"] },
        { path: "source", value: "/cli", secret: false, from: "file", variables: [] },
      ]),
    );
    expect((await waybill(["config"])).stdout).toMatch(/^source = "\/cli" +# file$/m);
  });
});

describe.concurrent("publish", () => {
  it("publishes one event", async () => {
    const args = ["publish", "orders", "--type", "a.b", "--data", '{"n":1}', "--key", "k", "--id", "e-1"];
    expect(await waybill(args)).toMatchObject({ code: 0, stdout: "published e-1 to orders\n" });
    expect(json((await waybill([...args, "--json"])).stdout)).toEqual({
      topic: "orders",
      published: 1,
      failed: 0,
      id: "e-1",
    });
  });

  it("publishes the lines of standard input, names the bad ones and fails with 1", async () => {
    const input =
      '{"type":"t","data":1}\n\n{"type":"t","data_base64":"AAE="}\nnope\n{"data":2}\n{"type":"t","Bad_Name":1}\n';
    const { code, stdout, stderr } = await waybill(["publish", "orders", "--file", "-", "--json"], { input });
    expect(code).toBe(1);
    expect(json(stdout)).toEqual({ topic: "orders", published: 2, failed: 3 });
    const errors = stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { line?: number; error: { code: string } });
    expect(errors.map(({ line, error }) => [line, error.code])).toEqual([
      [4, "WB_CLI_INPUT"],
      [5, "WB_CLI_INPUT"],
      [6, "WB_EVENT_ATTRIBUTE"],
      [undefined, "WB_CLI_INCOMPLETE"],
    ]);
  });

  it("publishes no data that is not what the line says, and takes an attribute that is null for none", async () => {
    const input = [
      '{"type":"t","data_base64":"!!!"}',
      '{"type":"t","data_base64":"AAE=","data":1}',
      '{"type":"t","time":null,"subject":null,"data_base64":null,"data":null}',
    ].join("\n");
    const { stdout, stderr } = await waybill(["publish", "orders", "--file", "-", "--json"], { input });
    expect(json(stdout)).toEqual({ topic: "orders", published: 1, failed: 2 });
    expect(stderr).toContain("The line has a data_base64 that is no Base64.");
    expect(stderr).toContain("The line has both data and data_base64.");
    writeFileSync(join(folder, "latin1.ndjson"), Buffer.from('{"type":"t","data":"caf\u00e9"}\n', "latin1"));
    const latin1 = await waybill(["publish", "orders", "--file", "latin1.ndjson"]);
    expect([latin1.code, latin1.stderr]).toEqual([
      1,
      expect.stringContaining("line 1: WB_CLI_INPUT: The line is no UTF-8."),
    ]);
  });

  it("publishes every line of a large file, the last one without a newline too", async () => {
    write("rows.ndjson", Array.from({ length: 5_001 }, (_, n) => JSON.stringify({ n })).join("\n"));
    const { code, stdout } = await waybill(["publish", "orders", "--type", "row", "--file", "rows.ndjson", "--json"]);
    expect([code, json(stdout).published]).toEqual([0, 5_001]);
  });

  it("says that a file cannot be read", async () => {
    const { code, stderr } = await waybill(["publish", "orders", "--file", "none.ndjson"]);
    expect(code).toBe(2);
    expect(stderr).toContain("WB_CLI_FILE: The file none.ndjson cannot be read: ENOENT.");
  });
});

describe("tail", () => {
  it("ends by itself after --for, and drains and exits 0 on SIGTERM", async () => {
    expect((await waybill(["tail", "orders", "--for", "100ms"])).code).toBe(0);
    const tail = startWaybill(["tail", "orders"], { cwd: folder });
    await tail.said("tailing orders");
    tail.kill("SIGTERM");
    expect((await tail.ended).code).toBe(0);
  });

  it("does not take events from a declared subscription unasked", async () => {
    const { code, stderr } = await waybill(["tail", "orders", "--subscription", "billing"]);
    expect(code).toBe(2);
    expect(stderr).toContain("WB_TAIL_TAKES");
  });
});

describe("dead", () => {
  it("says 1 for a dead letter that is not there", async () => {
    const { code, stderr } = await waybill(["dead", "show", "orders", "billing", "e-9"]);
    expect(code).toBe(1);
    expect(stderr).toContain("WB_DEAD_NOT_FOUND");
  });
});

describe.concurrent("secrets", () => {
  const CANARY = "Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5";
  const STRING = `DefaultEndpointsProtocol=http;AccountName=a;AccountKey=${CANARY};QueueEndpoint=http://127.0.0.1:1/a`;
  const QUEUE =
    'source: /s\nbroker: { adapter: storage-queue, connectionString: "${STRING}" }\ntopics: { orders: { subscriptions: [billing] } }';
  const CASES: [string, string, string[], number][] = [
    ["a broker that is down", QUEUE, ["publish", "orders", "--type", "t"], 3],
    ["the same in JSON", QUEUE, ["dead", "list", "orders", "billing", "--json"], 3],
    ["the printed configuration", QUEUE, ["config"], 0],
    ["a wrong connection string", QUEUE.replace("${STRING}", "${STRING};nonsense"), ["tail", "orders"], 2],
    ["a string in the wrong place", 'source: /s\nbroker: "${STRING}"', ["config"], 2],
    [
      "a string on the command line",
      QUEUE,
      ["--set", `source=${STRING}`, "--bogus", `AccountKey=${CANARY}`, "config"],
      2,
    ],
    ["a topic named so", QUEUE, ["publish", STRING, "--type", "t"], 3],
    ["broken YAML", `source: /s\nbroker: { connectionString: ${STRING}, {`, ["config"], 2],
    ["a config that throws", `throw new Error(${JSON.stringify(STRING)});`, ["config"], 2],
  ];
  it.each(CASES)("stay secret: %s", async (name, text, args, code) => {
    const file = `secret-${CASES.findIndex(([one]) => one === name)}.${name.includes("throws") ? "ts" : "yaml"}`;
    write(file, text);
    const ran = await waybill(["--config", file, "--verbose", ...args], { env: { STRING } });
    expect(ran.code).toBe(code);
    expect(ran.stdout + ran.stderr).not.toContain(CANARY);
    expect(ran.stdout + ran.stderr).not.toBe("");
  });
});

describe.concurrent("a broker that never answers", () => {
  /** Says at which door it stands, on standard error, and never comes out again. */
  const HANGING = `
    const hang = (door) => { console.error("hangs in " + door); return new Promise((resolve) => setTimeout(resolve, 600_000)); };
    export default ({ door }) => ({
      name: "hanging",
      health: () => (door === "health" ? hang(door) : Promise.resolve({ ok: true })),
      openSender: () => hang("openSender"),
      openReceiver: () => hang("openReceiver"),
      classify: () => "unknown",
      close: () => hang("close"),
    });`;

  beforeAll(() => {
    write("hanging.mjs", HANGING);
    for (const door of ["health", "openSender"]) {
      const broker = `broker: { adapter: ./hanging.mjs, door: ${door} }`;
      const topics = "topics: { orders: { subscriptions: [billing] } }";
      write(`${door}.yaml`, `source: /cli\n${broker}\n${topics}\noutbox: { store: sqlite, path: ./${door}.db }`);
    }
  });
  const start = (door: string, ...args: string[]) =>
    startWaybill(["--config", `${door}.yaml`, ...args], { cwd: folder, input: '{"type":"t"}\n' });

  it.each([
    ["health", "SIGINT", 130, ["publish", "orders", "--type", "t"]],
    ["openSender", "SIGINT", 130, ["publish", "orders", "--type", "t"]],
    ["openSender", "SIGTERM", 143, ["publish", "orders", "--file", "-"]],
    ["openSender", "SIGINT", 130, ["tail", "orders", "--subscription", "other"]],
  ] as const)("in %s: %s ends it with %i, in time (%j)", async (door, signal, code, args) => {
    const running = start(door, ...args);
    await running.said(`hangs in ${door}`);
    const since = performance.now();
    running.kill(signal);
    expect((await running.ended).code).toBe(code);
    expect(performance.now() - since).toBeLessThan(12_000);
  });

  it("does not keep a relay past its drain's deadline: it says what is left and exits 1", async () => {
    const store = sqlite({ path: join(folder, "openSender.db") });
    const outbox = createOutbox({ store, source: "/cli" });
    const event = { specversion: "1.0", id: "1", source: "/cli", type: "t" } as const;
    await outbox.transaction((tx) => outbox.publishRaw(tx, "orders", event));
    await store.close();
    const relay = start("openSender", "relay", "--json", "--drain-timeout", "500ms");
    await relay.said("hangs in openSender");
    await relay.said('"ready":true');
    const since = performance.now();
    relay.kill("SIGTERM");
    const { code, stdout, stderr } = await relay.ended;
    expect(performance.now() - since).toBeLessThan(500 + 4_500);
    expect(code).toBe(1);
    expect(json(stdout)).toMatchObject({ stopped: true, published: 0, waiting: 1 });
    expect(stderr).toContain("DRAIN_DEADLINE");
  });

  it("does not keep a relay that has nothing to do, and which gave up none of the dead events that are there", async () => {
    const store = sqlite({ path: join(folder, "health.db") });
    await store.transaction((tx) =>
      tx.exec("INSERT INTO outbox_dead VALUES (1, 0, 'orders', NULL, '{}', 1, 'refused', 'no', 0, 0)"),
    );
    await store.close();
    const relay = start("health", "relay", "--json", "--drain-timeout", "30s");
    await relay.said('"ready":true');
    const since = performance.now();
    relay.kill("SIGTERM");
    const { code, stdout } = await relay.ended;
    expect(code).toBe(0);
    expect(performance.now() - since).toBeLessThan(4_500);
    expect(json(stdout)).toMatchObject({ stopped: true, dead: 0, waiting: 0, scheduled: 0, parked: 0 });
  });
});

describe.concurrent("check", () => {
  beforeAll(() => {
    write(
      "kafka-like.yaml",
      "source: /c\nbroker: { adapter: memory, like: kafka }\ntopics: { orders: { subscriptions: { billing: { order: required }, mail: {} } } }",
    );
    write(
      "queue-like.yaml",
      "source: /c\nbroker: { adapter: memory, like: storage-queue }\ntopics: { orders: { subscriptions: { billing: { order: required }, mail: {} } } }\ninbox: { store: sqlite, path: ./i.db }",
    );
    write(
      "bus-like.yaml",
      "source: /c\nbroker: { adapter: memory, like: service-bus-sessions }\ntopics: { orders: { subscriptions: { billing: { order: required }, mail: {} } } }",
    );
    write(
      "undeclared.yaml",
      "source: /c\nprefix: p\nbroker: { adapter: memory, like: storage-queue }\ntopics: { orders-orders-orders-orders-orders-orders: { subscriptions: [billing-billing-billing-billing] } }",
    );
    write(
      "opened.yaml",
      "source: /c\nbroker: { adapter: memory, like: kafka }\ntopics: { orders-orders-orders-orders-orders-orders: { subscriptions: [billing-billing-billing-billing] } }",
    );
  });

  it("says what each subscription gets", async () => {
    const { code, stdout } = await waybill(["check", "--config", "kafka-like.yaml"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^orders\/billing on main \(kafka\)\n {2}guarantee: order per-key, at-least-once, retries 200ms /,
    );
    expect(stdout).toMatch(/^ {2}native +order per key /m);
    expect(stdout).toMatch(/^ {2}emulated +dead letters +copied to orders\/billing\/dead/m);
  });

  it("exits 4 when a subscription would be refused, and prints JSON for scripts", async () => {
    const { code, stdout } = await waybill(["check", "--config", "queue-like.yaml", "--json"]);
    expect(code).toBe(4);
    const [billing, mail] = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(billing).toMatchObject({ topic: "orders", subscription: "billing", guarantee: null });
    expect(mail).toMatchObject({
      guarantee: { order: "none", delivery: "at-least-once, idempotent", retry: "release" },
    });
  });

  it("--to says what a swap changes, and exits 4 when something that works would be refused", async () => {
    const refused = await waybill(["check", "--config", "kafka-like.yaml", "--to", "queue-like.yaml"]);
    expect(refused.code).toBe(4);
    expect(refused.stdout).toMatch(/^ {2}! +order +per-key +→ refused$/m);
    expect(refused.stdout).toMatch(/^ {2}< +order +per-key +→ none$/m);
    expect(refused.stdout).toMatch(/ \(<\) would promise less than today\.$/m);
    expect(refused.stdout).toMatch(/^ {6}maxMessageBytes +1048588 +→ 65536$/m);
    const fine = await waybill(["check", "--config", "kafka-like.yaml", "--to", "bus-like.yaml", "--json"]);
    expect(fine.code).toBe(0);
    expect(fine.stdout).toContain('"what":"maxMessageBytes","from":"1048588","to":"262144"');
    const same = await waybill(["check", "--config", "kafka-like.yaml", "--to", "kafka-like.yaml"]);
    expect(same).toMatchObject({ code: 0, stdout: "Nothing changes.\n" });
  });

  it("--to takes nothing from a subscription that does not start today", async () => {
    const { code, stdout } = await waybill(["check", "--config", "undeclared.yaml", "--to", "opened.yaml"]);
    expect(stdout).toMatch(/^ {6}scheduled events +– +→ refused: /m);
    expect(stdout).not.toContain("works today");
    expect(code).toBe(0);
  });

  it("says why a subscription cannot be opened at all", async () => {
    const { code, stdout } = await waybill(["check", "--config", "undeclared.yaml"]);
    expect(code).toBe(4);
    expect(stdout).toContain("refused: The memory topic name");
  });
});

describe.concurrent("topology", () => {
  it("finds nothing missing where nothing needs to be made", async () => {
    expect(await waybill(["topology", "plan"])).toMatchObject({ code: 0 });
  });

  it("does not apply without being asked for it", async () => {
    const { code, stderr } = await waybill(["topology", "apply", "--json"]);
    expect(code).toBe(2);
    expect(json(stderr)).toMatchObject({ error: { code: "WB_TOPOLOGY_UNCONFIRMED", exitCode: 2 } });
  });
});

describe("outbox", () => {
  it.each(["outbox status", "outbox migrate", "relay"])(
    "%s: a database that cannot be reached is exit code 3, and its password is told to nobody",
    async (command) => {
      const store = "{ store: postgres, url: 'postgres://app:s3cret-canary@127.0.0.1:1/shop' }";
      write("away.yaml", `source: /o\nbroker: { adapter: kafka, brokers: "127.0.0.1:1" }\noutbox: ${store}`);
      const { code, stdout, stderr } = await waybill([...command.split(" "), "--config", "away.yaml", "--verbose"]);
      expect(code).toBe(3);
      expect(stderr).toContain("WB_POSTGRES_CONNECTION");
      expect(stdout + stderr).not.toContain("s3cret-canary");
    },
  );

  const file = "outbox.yaml";
  beforeAll(() => write(file, "source: /o\nbroker: memory\noutbox: { store: sqlite, path: ./outbox.db }"));
  const outbox = (...args: string[]) => waybill(["outbox", ...args, "--config", file]);
  const event = (id: string) => ({ specversion: "1.0" as const, id, source: "/o", type: "t", partitionkey: id });

  it("migrate, status and sql: the tables, before and after", async () => {
    expect(await outbox("status")).toMatchObject({ code: 4, stdout: expect.stringContaining("has no tables yet") });
    const printed = await outbox("sql");
    expect(printed).toMatchObject({ code: 0, stdout: expect.stringMatching(/CREATE TABLE/i) });
    const ahead = await outbox("sql", "--from", "99");
    expect(ahead).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("WB_STORE_SCHEMA_FROM") });
    expect(json((await outbox("migrate", "--json")).stdout).applied).toContain(1);
    expect(await outbox("migrate")).toMatchObject({ code: 0, stdout: expect.stringContaining("is up to date") });
    const { code, stdout } = await outbox("status", "--json");
    expect(code).toBe(0);
    expect(json(stdout)).toMatchObject({ counts: { waiting: 0, dead: 0 }, topics: [], relays: [] });
  });

  it("status: what waits by topic, and who works on it", async () => {
    const store = sqlite({ path: join(folder, "outbox.db") });
    const written = createOutbox({ store, source: "/o" });
    await written.transaction(async (tx) => {
      await written.publishRaw(tx, "orders", [event("1"), event("2")]);
      await written.publishRaw(tx, "mails", { ...event("3"), time: new Date(Date.now() - 60_000).toISOString() });
    });
    // It publishes nothing, and holds the lease.
    const relay = createRelay({
      store,
      owner: "here/1",
      publisher: { publishRaw: () => new Promise(() => undefined) },
    });
    await relay.start();
    const status = json((await outbox("status", "--json")).stdout) as { topics: unknown[] };
    expect(status).toMatchObject({ counts: { waiting: 3 }, relays: [{ owner: relay.status().owner, buckets: 64 }] });
    expect(status.topics).toHaveLength(2);
    const { stdout } = await outbox("status");
    expect(stdout).toMatch(/^ {2}orders +2 waiting/m);
    expect(stdout).toMatch(/^ {2}mails +1 waiting +the oldest for 6\d/m);
    expect(stdout).toMatch(/^ {2}relay here\/1\/\w+ +64 of 64 buckets/m);
    await relay.close();
    await store.close();
  });

  it("dead, retry and discard: by position, by choice, and never by nothing", async () => {
    const store = sqlite({ path: join(folder, "outbox.db") });
    const refused = Promise.withResolvers<void>();
    let left = 3;
    const relay = createRelay({
      store,
      publisher: {
        publishRaw: async (topic, events) => {
          return events.map(() => ({ ok: false as const, error: new PermanentError(`no ${topic}`) }));
        },
      },
      retry: { attempts: 1 },
      isPermanent: () => true,
      observer: { dead: () => --left === 0 && refused.resolve() },
      leaseMs: 500,
    });
    await relay.start();
    await refused.promise;
    await relay.drain({ deadlineMs: 5_000 });
    await store.close();

    const listed = (await outbox("dead", "--json")).stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(listed).toHaveLength(3);
    expect(listed[0]).toMatchObject({ topic: expect.any(String), attempts: 1, event: { source: "/o" } });
    expect((await outbox("dead", "--topic", "mails")).stdout).toMatch(/^\d+ {2}\S+Z {2}mails key 3 {2}\S+ after 1 {2}/);

    const refusals = [
      ["retry"],
      ["retry", "x"],
      ["retry", "1", "--all"],
      ["discard", "--all"],
      ["retry", "--all", "--dry-run"],
    ];
    const [nothing, noNumber, both, unsaid, dry] = await Promise.all(refusals.map((args) => outbox(...args)));
    expect(nothing).toMatchObject({ code: 2, stderr: expect.stringContaining("WB_OUTBOX_NONE_CHOSEN") });
    expect([noNumber?.code, both?.code]).toEqual([2, 2]);
    expect(unsaid).toMatchObject({ code: 2, stderr: expect.stringContaining("3 events") });
    expect(dry).toMatchObject({ code: 0, stdout: "would have put back to work 3\n" });
    const mails = listed.find(({ topic }) => topic === "mails").position as number;
    expect(await outbox("discard", "--topic", "mails", "--yes")).toMatchObject({ code: 0, stdout: "discarded 1\n" });
    const gone = await outbox("retry", String(mails));
    expect(gone).toMatchObject({ code: 1, stdout: "put back to work 0\n" });
    expect(gone.stderr).toMatch(/WB_OUTBOX_NOT_DEAD: No dead event is at 1 of 1 position; .*\n.*waybill outbox dead/);
    expect(await outbox("retry", "--topic", "orders", "--max", "1")).toMatchObject({ stdout: "put back to work 1\n" });
    const { counts } = json((await outbox("status", "--json")).stdout) as { counts: object };
    expect(counts).toMatchObject({ dead: 1 });
  });

  it("retry --parked: what failed and is not given up is tried now", async () => {
    const store = sqlite({ path: join(folder, "outbox.db") });
    const written = createOutbox({ store, source: "/o" });
    await written.transaction((tx) => written.publishRaw(tx, "orders", [event("p1"), event("p2")]));
    let failures = 0;
    const WAIT = { timeout: 20_000 };
    const relay = createRelay({
      store,
      retry: { initialMs: 3_600_000, maxMs: 3_600_000 },
      publisher: {
        publishRaw: async (_, events) =>
          events.map(({ id }) =>
            id === "p1" && failures++ === 0
              ? { ok: false as const, error: new Error("not yet") }
              : { ok: true as const, value: undefined },
          ),
      },
    });
    await relay.start();
    await vi.waitFor(async () => expect(await store.counts()).toMatchObject({ parked: 1 }), WAIT);
    expect(await outbox("retry", "--parked", "--all")).toMatchObject({ code: 2 });
    expect(await outbox("retry", "--parked", "--json")).toMatchObject({ code: 0, stdout: '{"retried":1}\n' });
    await vi.waitFor(async () => expect(await store.counts()).toMatchObject({ parked: 0 }), WAIT);
    await relay.close();
    await store.close();
  });
});
