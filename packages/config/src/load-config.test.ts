// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how config files refer to variables
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isWaybillError, type WaybillError } from "@waybill/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type LoadOptions, loadConfig } from "./load-config.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "waybill-config-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
const load = (options: LoadOptions = {}) => loadConfig({ cwd: folder, env: {}, ...options });
async function failure(options: LoadOptions = {}): Promise<WaybillError> {
  const error: unknown = await load(options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isWaybillError(error)) throw new Error(`no Waybill error but ${error}`);
  return error;
}

const YAML = `
source: /flights
prefix: dev
brokers:
  main: { adapter: storage-queue, connectionString: "\${STORAGE}", visibility: 30s }
topics:
  flights:
    subscriptions:
      totals: { concurrency: 4, retry: { initial: 100ms, max: 1m }, handlerTimeout: 2m }
  audits: { subscriptions: [log] }
outbox: { store: sqlite, path: ./service.db }
relay: { lease: 10s }
`;

describe("loadConfig", () => {
  it("reads YAML, turns durations into milliseconds and gives topics their only broker", async () => {
    write("waybill.config.yaml", YAML);
    const { config } = await load({ env: { STORAGE: "UseDevelopmentStorage=true" } });
    expect(config).toEqual({
      source: "/flights",
      prefix: "dev",
      topology: "leave",
      brokers: {
        main: {
          adapter: "storage-queue",
          options: { connectionString: "UseDevelopmentStorage=true", visibilityMs: 30_000 },
        },
      },
      topics: {
        flights: {
          broker: "main",
          subscriptions: {
            totals: { concurrency: 4, retry: { initialMs: 100, maxMs: 60_000 }, handlerTimeoutMs: 120_000 },
          },
        },
        audits: { broker: "main", subscriptions: { log: {} } },
      },
      outbox: { store: "sqlite", path: "./service.db" },
      inbox: undefined,
      relay: { leaseMs: 10_000 },
    });
  });

  it("reads JSON and the short form of one broker", async () => {
    write("waybill.config.json", JSON.stringify({ $schema: "x", source: "/s", broker: "memory" }));
    expect((await load()).config.brokers).toEqual({ main: { adapter: "memory", options: {} } });
  });

  it("imports TypeScript", async () => {
    write(
      "waybill.config.ts",
      "const source: string = '/ts';\nexport default { source, broker: { adapter: 'memory' } };",
    );
    expect((await load()).config.source).toBe("/ts");
  });

  it("looks in the folders above, and takes a named file or WAYBILL_CONFIG instead", async () => {
    write("waybill.config.yml", "source: /above\nbroker: memory");
    write("other.yaml", "source: /other\nbroker: memory");
    mkdirSync(join(folder, "a/b"), { recursive: true });
    expect((await load({ cwd: join(folder, "a/b") })).config.source).toBe("/above");
    expect((await load({ file: "other.yaml" })).config.source).toBe("/other");
    expect((await load({ env: { WAYBILL_CONFIG: "other.yaml" } })).config.source).toBe("/other");
  });

  it("refuses two configs side by side, and none", async () => {
    write("waybill.config.yml", "source: /s");
    write("waybill.config.json", "{}");
    expect((await failure()).code).toBe("WB_CONFIG_AMBIGUOUS");
    expect((await failure({ file: "missing.yaml" })).code).toBe("WB_CONFIG_NOT_FOUND");
  });

  it("ranks flags over environment over file, and knows where each value came from", async () => {
    write("waybill.config.yaml", `${YAML}\n`);
    const { config, values } = await load({
      env: {
        STORAGE: "UseDevelopmentStorage=true",
        WAYBILL_SOURCE: "/env",
        WAYBILL_PREFIX: "env",
        WAYBILL_RELAY_LEASE_MS: "7000",
      },
      overrides: { source: "/flag" },
    });
    expect([config.source, config.prefix, config.relay]).toEqual(["/flag", "env", { leaseMs: 7000 }]);
    const origins = Object.fromEntries(values.map(({ path, origin }) => [path, [origin.from, ...origin.variables]]));
    expect(origins).toMatchObject({
      source: ["flag"],
      prefix: ["environment", "WAYBILL_PREFIX"],
      "relay.leaseMs": ["environment", "WAYBILL_RELAY_LEASE_MS"],
      "brokers.main.connectionString": ["file", "STORAGE"],
      "brokers.main.visibility": ["file"],
      "topics.flights.broker": ["default"],
    });
    expect(origins).not.toHaveProperty("relay.lease");
  });

  it("makes the number that the schema asks for out of a variable's text, and keeps text where text is asked for", async () => {
    write(
      "waybill.config.yaml",
      'source: "${SOURCE}"\nbroker: { adapter: storage-queue, createQueues: "${CREATE:-false}" }',
    );
    const env = { SOURCE: "42", WAYBILL_BROKERS_MAIN_SEND_CONCURRENCY: "3" };
    const { config } = await load({ env });
    expect(config.source).toBe("42");
    expect(config.brokers.main?.options).toEqual({ createQueues: false, sendConcurrency: 3 });
  });

  it("does not ask for a variable whose place is overridden", async () => {
    write("waybill.config.yaml", 'source: "${NOT_SET}"\nbroker: memory');
    expect((await load({ overrides: { source: "/s" } })).config.source).toBe("/s");
  });

  it("names every missing variable and its place", async () => {
    write("waybill.config.yaml", 'source: "${A}"\nbroker: { adapter: storage-queue, connectionString: "x${B}" }');
    const { code, sentence } = await failure({ env: { OTHER: "visible" } });
    expect(code).toBe("WB_CONFIG_VARIABLE_MISSING");
    expect(sentence).toContain("A (at source)");
    expect(sentence).toContain("B (at broker.connectionString)");
  });

  it("reports all problems at once with full paths", async () => {
    write(
      "waybill.config.yaml",
      `sorce: /s
broker: { adapter: storage-queue, visibilty: 30s }
topics: { flights: { subscriptions: { totals: { concurency: 4, retry: { attempts: many } }, Bad_Name: {} } } }
outbox: { store: sqlite }
relay: { lease: 10 }`,
    );
    const { sentence } = await failure();
    expect(sentence).toContain("sorce is unknown; did you mean source?");
    expect(sentence).toContain("source is missing");
    expect(sentence).toContain("broker.visibilty is unknown; did you mean visibility?");
    expect(sentence).toContain("topics.flights.subscriptions.totals.concurency is unknown; did you mean concurrency?");
    expect(sentence).toContain(
      "topics.flights.subscriptions.totals.retry.attempts must be a whole number from 1 to 1000",
    );
    expect(sentence).toContain("topics.flights.subscriptions.Bad_Name is no valid name");
    expect(sentence).toContain("outbox.path is missing");
    expect(sentence).toContain("relay.lease must be a duration such as 30s");
  });

  it.each([
    [
      "an unknown adapter",
      "broker: storage-que",
      "broker.adapter is no adapter known here; did you mean storage-queue?",
    ],
    ["broker beside brokers", "broker: memory\nbrokers: { a: memory }", "broker and brokers stand side by side"],
    ["no broker", "brokers: {}", "brokers names no broker"],
    ["an unknown broker", "brokers: { main: memory }\ntopics: { a: { broker: mian } }", "did you mean main?"],
    [
      "an unknown broker for retries",
      "brokers: { main: memory }\ntopics: { a: { subscriptions: { b: { retryBroker: mian } } } }",
      "topics.a.subscriptions.b.retryBroker names a broker that is not there; did you mean main?",
    ],
    [
      "a topic without one of two brokers",
      "brokers: { a: memory, b: memory }\ntopics: { t: {} }",
      "topics.t.broker is missing",
    ],
    ["subscriptions at a pattern", 'broker: memory\ntopics: { "a-*": { subscriptions: [x] } }', "stands at a pattern"],
    [
      "an unknown store",
      "broker: memory\noutbox: { store: postgrse, url: x }",
      "outbox.store must be sqlite, postgres or mysql",
    ],
    [
      "a slip in a store's options",
      "broker: memory\noutbox: { store: postgres, url: x, shema: y }",
      "outbox.shema is unknown; did you mean schema?",
    ],
    ["a store without its place", "broker: memory\ninbox: { store: postgres }", "inbox.url is missing"],
    ["MySQL without its place", "broker: memory\noutbox: { store: mysql }", "outbox.url is missing"],
    ["a key of another store", "broker: memory\ninbox: { store: redis, url: x, path: y }", "inbox.path is unknown"],
    ["an outbox in Redis", "broker: memory\noutbox: { store: redis, url: x }", "must be sqlite, postgres or mysql"],
    ["a relay without an outbox", "broker: memory\nrelay: { batch: 5 }", "there is no outbox"],
    [
      "a duration twice",
      "broker: memory\noutbox: { store: sqlite, path: x }\nrelay: { lease: 1s, leaseMs: 5 }",
      "side by side",
    ],
  ])("refuses %s", async (_, text, expected) => {
    write("waybill.config.yaml", `source: /s\n${text}`);
    const { code, sentence } = await failure();
    expect(code).toBe("WB_CONFIG_INVALID");
    expect(sentence).toContain(expected);
  });

  it("refuses an environment variable that overrides nothing", async () => {
    write("waybill.config.yaml", "source: /s\nbroker: memory");
    const { sentence } = await failure({ env: { WAYBILL_SORCE: "ignored", WAYBILL_BROKERS_MIAN_ADAPTER: "memory" } });
    expect(sentence).toContain(
      "WAYBILL_BROKERS_MIAN_ADAPTER overrides nothing; did you mean WAYBILL_BROKERS_MAIN_ADAPTER?",
    );
  });

  const CANARY = "c4n4ryc4n4ry==";
  const STRING = `DefaultEndpointsProtocol=https;AccountName=a;AccountKey=${CANARY}`;
  it.each([
    ["as an adapter", "waybill.config.yaml", `source: /s\nbroker: "${STRING}"`],
    [
      "as a number",
      "waybill.config.yaml",
      `source: /s\nbroker: { adapter: storage-queue, sendConcurrency: "${STRING}" }`,
    ],
    ["as a section", "waybill.config.yaml", `source: /s\nbroker: memory\nrelay: "${STRING}"`],
    [
      "as a broker's name in a topic",
      "waybill.config.yaml",
      `source: /s\nbroker: memory\ntopics: { a: { broker: "${STRING}" } }`,
    ],
    [
      "beside a YAML error",
      "waybill.config.yaml",
      `source: /s\nbroker: { adapter: storage-queue, connectionString: ${STRING}, {`,
    ],
    ["beside a JSON error", "waybill.config.json", `{ "source": "/s", "broker": "${STRING}" x }`],
    ["in an unused variable", "waybill.config.yaml", 'source: /s\nbroker: "${MISSING}"'],
  ])("never repeats a secret: %s", async (_, name, text) => {
    write(name, text);
    const error = await failure({ env: { STRING, UNUSED: CANARY } });
    expect(`${error.stack}${JSON.stringify(error)}${String(error.cause)}`).not.toContain(CANARY);
  });

  it("masks secrets in values and lists them, parts included", async () => {
    write("waybill.config.yaml", 'source: /s\nbroker: { adapter: storage-queue, connectionString: "${STRING}" }');
    const { values, secrets } = await load({ env: { STRING } });
    expect(JSON.stringify(values)).not.toContain(CANARY);
    expect(values.find(({ path }) => path === "brokers.main.connectionString")?.secret).toBe(true);
    expect(secrets).toEqual([STRING, CANARY]);
  });

  it("masks the password of a database", async () => {
    write("waybill.config.yaml", 'source: /s\nbroker: memory\noutbox: { store: postgres, url: "${URL}" }');
    const { values, config } = await load({ env: { URL: `postgres://app:${CANARY}@db:5432/shop` } });
    expect(JSON.stringify(values)).not.toContain(CANARY);
    expect(config.outbox).toMatchObject({ store: "postgres", url: expect.stringContaining(CANARY) });
  });

  it("masks how a client signs in to Kafka: its key, the passphrase of it, its password", async () => {
    const given = ["key", "passphrase", "password"].map((name) => `${name}-${CANARY}`);
    write(
      "waybill.config.json",
      JSON.stringify({
        source: "/s",
        broker: {
          adapter: "kafka",
          brokers: ["a:9093"],
          ssl: { cert: "public", key: given[0], passphrase: given[1] },
          sasl: { mechanism: "plain", username: "shop", password: given[2] },
        },
      }),
    );
    const { values, secrets } = await load();
    expect(JSON.stringify(values)).not.toContain(CANARY);
    expect(JSON.stringify(values)).toContain("public");
    expect(secrets.toSorted()).toEqual(given.toSorted());
  });

  it("takes a flag by the short path that the file uses", async () => {
    write("waybill.config.yaml", "source: /s\nbroker: memory");
    const { config } = await load({ overrides: { "broker.partitions": 3 } });
    expect(config.brokers.main).toMatchObject({ adapter: "memory", options: { partitions: 3 } });
  });

  it("says where a syntax error is", async () => {
    write("waybill.config.yaml", "source: /s\nbroker: {");
    expect((await failure()).sentence).toMatch(/line \d+, column \d+/);
  });

  it.each([
    ["an alias without its anchor", "source: /s\nbroker: *main", "names no anchor"],
    [
      "an alias inside what it names",
      "source: /s\nbroker: &main { adapter: memory, own: *main }",
      "inside what it names",
    ],
    ["a list that holds itself", "source: /s\nbroker: memory\ntopics: &all [*all]", "inside what it names"],
    ["aliases without end", `source: /s\n${aliases(8)}\nbroker: memory`, "multiply beyond measure"],
  ])("says what is wrong with %s", async (_, text, problem) => {
    write("waybill.config.yaml", text);
    expect(await failure()).toMatchObject({
      code: "WB_CONFIG_UNREADABLE",
      sentence: expect.stringContaining(problem),
    });
  });

  it("takes an alias for what it names, wherever it stands", async () => {
    const subscriptions = "{ billing: &slow { concurrency: 1 }, mail: *slow }";
    write("waybill.config.yaml", `source: /s\nbroker: memory\ntopics: { orders: { subscriptions: ${subscriptions} } }`);
    const { config } = await load();
    expect(config.topics.orders?.subscriptions).toEqual({ billing: { concurrency: 1 }, mail: { concurrency: 1 } });
  });

  it("refuses two keys of one name in JSON as in YAML, and takes a byte order mark in both", async () => {
    write("waybill.config.json", '\ufeff{ "source": "/s", "broker": "memory" }');
    expect((await load()).config.source).toBe("/s");
    write("waybill.config.json", '{ "source": "/s",\n  "source": "/t", "broker": "memory" }');
    expect((await failure()).sentence).toContain("duplicate key at line 2, column 3");
  });

  it("repeats no secret that stands where a key should", async () => {
    const secret = "Endpoint=sb://x/;SharedAccessKeyName=a;SharedAccessKey=bm90IGEgcmVhbCBrZXk=";
    write("waybill.config.yaml", `source: /s\nbroker: memory\n"${secret}": 1\ntopics: { "${secret}": {} }`);
    const error = await failure();
    expect(error.sentence).toContain("Endpoint=sb://x/");
    expect(error.message).not.toContain("bm90IGEg");
  });

  it.each([
    ["brokers.__proto__", "brokers: { __proto__: memory, main: memory }"],
    ["topics.__proto__", "broker: memory\ntopics: { __proto__: {} }"],
    [
      "topics.orders.subscriptions.__proto__",
      "broker: memory\ntopics: { orders: { subscriptions: { __proto__: {} } } }",
    ],
  ])("takes %s for no name", async (path, text) => {
    write("waybill.config.yaml", `source: /s\n${text}`);
    expect((await failure()).sentence).toContain(`${path} is no valid name`);
  });

  it("checks the name of a topic for dead letters", async () => {
    write(
      "waybill.config.yaml",
      "source: /s\nbroker: memory\ntopics: { orders: { subscriptions: { mail: { deadLetterTo: My Graves } } } }",
    );
    expect((await failure()).sentence).toContain("topics.orders.subscriptions.mail.deadLetterTo must be lower-case");
  });
});

/** Ten times as many values on each line. */
function aliases(lines: number): string {
  return Array.from(
    { length: lines },
    (_, n) => `a${n}: &a${n} [${Array(10).fill(n === 0 ? "x" : `*a${n - 1}`)}]`,
  ).join("\n");
}
