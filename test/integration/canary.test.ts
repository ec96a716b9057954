// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how config files refer to variables
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import { trace } from "@opentelemetry/api";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { loadConfig, openBus, openInbox, openStore } from "@waybill/config";
import { type Observer, telemetry } from "@waybill/core";
import { startServiceBusEmulator } from "@waybill/emulators";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

// Credentials that are canaries: whatever the commands print, errors say, logs and spans hold, none of them is in it.

const BIN = fileURLToPath(new URL("../../packages/cli/bin/waybill.js", import.meta.url));
const CANARY = "CanaryBirdSings";
/** As account keys are: base64 of something. */
const KEY = Buffer.from(`${CANARY}-as-a-key-of-32-bytes-or-so`).toString("base64");
const SECRETS = [CANARY, KEY, encodeURIComponent(KEY), KEY.slice(0, 20)];

/** Refuses everything and says it all back: URL, headers, body, as a proxy's error page may. */
let echo: Server;
let port: number;
/** Refuses the token of a link, and quotes it. */
let bus: Awaited<ReturnType<typeof startServiceBusEmulator>>;
let folder: string;
const spans = new InMemorySpanExporter();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "waybill-canary-"));
  echo = createServer((request, response) => {
    const headers = { "content-type": "application/json", "x-ms-error-code": "AuthenticationFailed" };
    response.writeHead(403, headers);
    response.end(
      JSON.stringify({ error: { code: "AuthenticationFailed", requested: request.url, headers: request.headers } }),
    );
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => echo.once("listening", resolve));
  port = (echo.address() as AddressInfo).port;
  bus = await startServiceBusEmulator({
    checkToken: ({ token }) => ({ status: 401, description: `Put token failed for ${token}. status-code: 401` }),
  });
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }));
});
afterAll(async () => {
  trace.disable();
  echo?.close();
  await bus?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A broker section (or another) with canaries for credentials, and the variables that hold them. */
interface Nest {
  readonly section: () => Record<string, unknown>;
  readonly env: () => Record<string, string>;
}

const account = () =>
  `DefaultEndpointsProtocol=http;AccountName=shop;AccountKey=${KEY};QueueEndpoint=http://127.0.0.1:${port}/shop;BlobEndpoint=http://127.0.0.1:${port}/shop;`;
const amqp = (path = "") =>
  bus.connectionString
    .replace(/SharedAccessKey=[^;]*/, `SharedAccessKey=${KEY}`)
    .replace(/;?$/, path === "" ? "" : `;${path}`);
const sas = () => `sv=2024-01-01&se=2030-01-01&sig=${encodeURIComponent(KEY)}`;

const BROKERS: Readonly<Record<string, Nest>> = {
  "storage-queue, key": {
    section: () => ({ adapter: "storage-queue", connectionString: "${SECRET}" }),
    env: () => ({ SECRET: account() }),
  },
  "storage-queue, SAS": {
    section: () => ({ adapter: "storage-queue", sasUrl: "${SECRET}" }),
    env: () => ({ SECRET: `http://127.0.0.1:${port}/shop?${sas()}` }),
  },
  "service-bus, key": {
    section: () => ({ adapter: "service-bus", connectionString: "${SECRET}" }),
    env: () => ({ SECRET: amqp() }),
  },
  "event-hubs, key": {
    section: () => ({
      adapter: "event-hubs",
      connectionString: "${SECRET}",
      checkpoints: { connectionString: "${OTHER}" },
      requestTimeout: "2s",
    }),
    env: () => ({ SECRET: amqp(), OTHER: account() }),
  },
  "event-grid, key": {
    section: () => ({ adapter: "event-grid", endpoint: `http://127.0.0.1:${port}`, key: "${SECRET}" }),
    env: () => ({ SECRET: KEY }),
  },
  "event-grid, SAS": {
    section: () => ({ adapter: "event-grid", endpoint: `http://127.0.0.1:${port}`, sas: "${SECRET}" }),
    env: () => ({ SECRET: `r=x&e=2030-01-01&s=${encodeURIComponent(KEY)}` }),
  },
  "kafka, password": {
    section: () => ({
      adapter: "kafka",
      brokers: ["127.0.0.1:1"],
      sasl: { mechanism: "plain", username: "shop", password: "${SECRET}" },
      connectTimeout: "500ms",
      requestTimeout: "1s",
    }),
    env: () => ({ SECRET: CANARY }),
  },
};

let files = 0;
function write(sections: Record<string, unknown>): string {
  const file = join(folder, `c${++files}.json`);
  const topics = { orders: { subscriptions: ["billing"] } };
  writeFileSync(file, JSON.stringify({ source: "/canary", topics, ...sections }));
  return file;
}

function expectSilence(text: string, where: string): void {
  for (const secret of SECRETS) {
    const at = text.indexOf(secret);
    expect(at === -1 ? "" : text.slice(Math.max(0, at - 200), at + 60), `${where} holds a credential`).toBe("");
  }
}

/** Everything that somebody could print of an error. */
function everything(error: unknown): string {
  const parts: string[] = [];
  for (let at: unknown = error, depth = 0; at !== undefined && depth < 6; depth++) {
    const { stack, message, cause } = at as Error;
    parts.push(String(at), stack ?? "", message ?? "", inspect(at), JSON.stringify(at) ?? "");
    at = cause;
  }
  return parts.join("\n");
}

async function cli(args: readonly string[], env: Record<string, string>): Promise<string> {
  const child = spawn(process.execPath, [BIN, ...args], { cwd: folder, env: { PATH: process.env.PATH, ...env } });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (text += chunk));
  child.stdin.end();
  const late = setTimeout(() => child.kill("SIGKILL"), 40_000);
  await new Promise((resolve) => child.once("close", resolve));
  clearTimeout(late);
  return text;
}

const COMMANDS = [
  ["config"],
  ["topology", "plan"],
  ["publish", "orders", "--type", "t", "--data", "1", "--json"],
  ["dead", "list", "orders", "billing"],
];

for (const [name, { section, env }] of Object.entries(BROKERS)) {
  describe(`the credentials of ${name}`, () => {
    it("are in nothing that the commands print, --verbose included", { timeout: 120_000 }, async () => {
      const file = write({ broker: section() });
      const outputs = await Promise.all(
        COMMANDS.map((args) => cli([...args, "--config", file, "--verbose", "--log-level", "trace"], env())),
      );
      for (const [index, output] of outputs.entries()) {
        expect(output.length, COMMANDS[index]?.join(" ")).toBeGreaterThan(20);
        expectSilence(output, COMMANDS[index]!.join(" "));
      }
    });

    it("are in no error, observation or span", { timeout: 60_000 }, async () => {
      spans.reset();
      const seen: unknown[] = [];
      const watch = (at: unknown) => void seen.push(at);
      const observer: Observer = { publishFailed: watch, trouble: watch, deadLettered: watch };
      const { publish, consume } = telemetry({ system: "canary" });
      const loaded = await loadConfig({ file: write({ broker: section() }), env: env() });
      const opened = await openBus({
        loaded,
        observers: [observer],
        publish: { deadlineMs: 3_000 },
        publishMiddleware: [publish],
        consumeMiddleware: [consume],
      });
      const event = { specversion: "1.0" as const, id: "1", source: "/s", type: "t", data: 1 };
      const { ok, ...outcome } = await opened.publishRaw("orders", event);
      expect(ok).toBe(false);
      seen.push((outcome as { error: unknown }).error);
      const health = await opened.health(AbortSignal.timeout(3_000));
      seen.push(health.ok ? undefined : health.error);
      const backlog = Promise.resolve(opened.backlog("orders", "billing")).catch((error: unknown) => error);
      seen.push(await Promise.race([backlog, new Promise((resolve) => setTimeout(resolve, 3_000))]));
      await opened.close();
      const errors = seen.map((one) => (one as { error?: unknown } | undefined)?.error ?? one);
      expectSilence(errors.map(everything).join("\n"), "an error");
      expect(spans.getFinishedSpans().length).toBeGreaterThan(0);
      const written = spans
        .getFinishedSpans()
        .map(({ name: span, attributes, events, status }) => ({ span, attributes, events, status }));
      expectSilence(JSON.stringify(written), "a span");
    });
  });
}

describe("the credentials of a store", () => {
  it.each(["postgres", "mysql"])("%s are in no output and no error", { timeout: 60_000 }, async (name) => {
    const outbox = { store: name, url: "${SECRET}" };
    const file = write({ broker: { adapter: "kafka", brokers: ["127.0.0.1:1"] }, outbox });
    const env = { SECRET: `${name}://shop:${CANARY}@127.0.0.1:1/shop` };
    for (const args of [["config"], ["relay", "--drain-timeout", "1s", "--json"], ["outbox", "status"]]) {
      expectSilence(await cli([...args, "--config", file, "--verbose", "--log-level", "trace"], env), args.join(" "));
    }
    const store = await openStore(await loadConfig({ file, env }), "outbox");
    const error = await store.open().catch((one: unknown) => one);
    expect(error).toBeInstanceOf(Error);
    expectSilence(everything(error), "an error");
    expectSilence(store.name, "the store's name");
    await store.close();
  });

  it("of an inbox on Redis are in no output and no error", { timeout: 60_000 }, async () => {
    const file = write({ broker: "memory", inbox: { store: "redis", url: "${SECRET}" } });
    const env = { SECRET: `redis://shop:${CANARY}@127.0.0.1:1` };
    expectSilence(await cli(["config", "--config", file], env), "config");
    const error = await openInbox({ file, env }).catch((one: unknown) => one);
    expect(error).toMatchObject({ code: "WB_REDIS_UNREACHABLE" });
    expectSilence(everything(error), "an error");
  });

  it("of claims are in no output and no error", { timeout: 60_000 }, async () => {
    const broker = { adapter: "memory", limits: { maxMessageBytes: 1_000 } };
    const claimCheck = { store: "blob", connectionString: "${SECRET}" };
    const file = write({ broker, claimCheck });
    const env = { SECRET: account() };
    const publish = ["publish", "orders", "--type", "t", "--data", JSON.stringify("x".repeat(5_000))];
    const output = await cli([...publish, "--config", file, "--verbose"], env);
    expect(output).toContain("WB_CLAIM_CHECK_FAILED");
    expectSilence(output, "publish");
    const opened = await openBus({ loaded: await loadConfig({ file, env }) });
    const event = { specversion: "1.0" as const, id: "1", source: "/s", type: "t", data: "x".repeat(5_000) };
    const outcome = await opened.publishRaw("orders", event);
    expectSilence(everything((outcome as { error?: unknown }).error), "an error");
    await opened.close();
  });
});

describe("a wrong configuration", () => {
  it.each([
    ["a connection string in the wrong place", { broker: `AccountKey=${KEY};x` }],
    ["an unknown key", { broker: { adapter: "storage-queue", conectionString: account } }],
    ["a value of the wrong kind", { broker: { adapter: "storage-queue", connectionString: { key: KEY } } }],
    [
      "a password in a list",
      { broker: { adapter: "kafka", brokers: [`shop:${CANARY}@127.0.0.1:1`, `kafka://shop:${CANARY}@127.0.0.1:2`] } },
    ],
  ])("with %s repeats no value", { timeout: 60_000 }, async (_, sections) => {
    const text = JSON.stringify(sections, (_key, value) => (typeof value === "function" ? account() : value));
    const file = write(JSON.parse(text) as Record<string, unknown>);
    for (const args of [["config"], ["publish", "orders", "--type", "t"]]) {
      expectSilence(await cli([...args, "--config", file, "--verbose"], {}), args.join(" "));
    }
  });
});
