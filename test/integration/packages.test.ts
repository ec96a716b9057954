import { type ExecFileOptions, execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { startAzurite, startServiceBusEmulator } from "@waybill/emulators";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testKafka } from "../kafka/test-kafka.ts";

// What users get: the packed packages, installed into an empty project beside nothing of ours.

const ROOT = join(import.meta.dirname, "../..");
const ADAPTERS = ["memory", "storage-queue", "service-bus", "event-hubs", "event-grid", "kafka"] as const;
type AdapterName = (typeof ADAPTERS)[number];
const INSTALLED: Readonly<Record<string, string>> = {
  "@waybill/core": "packages/core",
  "@waybill/outbox": "packages/outbox",
  "@waybill/config": "packages/config",
  ...Object.fromEntries(ADAPTERS.map((name) => [`@waybill/${name}`, `packages/adapters/${name}`])),
};
const FOLDERS: Readonly<Record<string, string>> = {
  ...INSTALLED,
  "@waybill/claim-check": "packages/claim-check",
  "@waybill/conformance": "packages/conformance",
  "@waybill/emulators": "packages/emulators",
  waybill: "packages/cli",
};

let folder: string;
const tarballs: Record<string, string> = {};
const contents: Record<string, readonly string[]> = {};
beforeAll(async () => {
  expect(existsSync(join(ROOT, "packages/core/dist/index.js")), "tsc -b has run before the tests").toBe(true);
  folder = mkdtempSync(join(tmpdir(), "waybill-packed-"));
  for (const [name, path] of Object.entries(FOLDERS)) {
    const out = await pnpm(["pack", "--json", "--pack-destination", folder], join(ROOT, path));
    const packed = JSON.parse(out) as { filename: string; files: readonly { path: string }[] };
    tarballs[name] = packed.filename;
    contents[name] = packed.files.map((file) => file.path);
  }
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = promisify(execFile);
const CLEAN = { ...process.env, NODE_OPTIONS: "", FORCE_COLOR: "0" };

async function pnpm(args: readonly string[], cwd: string): Promise<string> {
  const { npm_execpath: own = "" } = process.env;
  // It is a program of its own; without one, such as under an editor, npx finds it.
  const [file, before] = /pnpm(\.exe)?$/.test(own) ? [own, []] : ["npx", ["pnpm@12"]];
  const options: ExecFileOptions = { cwd, env: CLEAN, timeout: 100_000, maxBuffer: 2 ** 24 };
  const { stdout } = await run(file, [...before, ...args], { ...options, encoding: "utf8" });
  return stdout;
}

/** An empty project with the config package and one adapter, as `npm install @waybill/config @waybill/<adapter>` makes it. */
async function project(adapter: AdapterName): Promise<string> {
  const home = join(folder, adapter);
  mkdirSync(home);
  const own = (name: string) => `file:${tarballs[name]}`;
  const dependencies = Object.fromEntries(
    ["@waybill/config", "@waybill/core", `@waybill/${adapter}`].map((name) => [name, own(name)]),
  );
  writeFileSync(join(home, "package.json"), JSON.stringify({ name: "shop", private: true, dependencies }));
  const overrides = Object.keys(INSTALLED).map((name) => `  "${name}": "${own(name)}"`);
  writeFileSync(join(home, "pnpm-workspace.yaml"), ["packages: []", "overrides:", ...overrides, ""].join("\n"));
  await pnpm(["install", "--prefer-offline", "--ignore-scripts", "--config.strict-dep-builds=false"], home);
  return home;
}

/** Every package in the project's node_modules, those of dependencies included. */
function installed(home: string): string[] {
  const store = readdirSync(join(home, "node_modules/.pnpm"));
  return store.map((entry) => entry.replace("+", "/").replace(/(?<=.)@.*$/, ""));
}

const PROGRAM = `
async function main({ openBus }, how) {
  const bus = await openBus({ topology: "apply" });
  const got = Promise.withResolvers();
  const id = how + "-" + process.pid;
  await bus.subscribe("orders", { name: "billing" }, (event) => { if (event.id === id) got.resolve(event.data.n); });
  const event = { specversion: "1.0", id, source: "/shop", type: "placed", data: { n: 42 } };
  const outcome = await bus.publishRaw("orders", event);
  if (!outcome.ok) throw outcome.error;
  console.log(how, await got.promise);
  await bus.close();
}`;

async function publishAndSubscribe(home: string, broker: Record<string, unknown>): Promise<void> {
  const config = { source: "/shop", broker, topics: { orders: { subscriptions: ["billing"] } } };
  writeFileSync(join(home, "waybill.config.json"), JSON.stringify(config));
  writeFileSync(
    join(home, "esm.mjs"),
    `import * as config from "@waybill/config";${PROGRAM}\nawait main(config, "esm");`,
  );
  writeFileSync(join(home, "cjs.cjs"), `${PROGRAM}\nmain(require("@waybill/config"), "cjs");`);
  for (const [file, how] of [
    ["esm.mjs", "esm"],
    ["cjs.cjs", "cjs"],
  ] as const) {
    const { stdout } = await run(process.execPath, [file], { cwd: home, env: CLEAN, timeout: 40_000 });
    expect(stdout).toContain(`${how} 42`);
  }
}

describe("packed", () => {
  it.each(Object.keys(FOLDERS))("%s has its licence and a page, and no file of its build or its tests", (name) => {
    const files = contents[name]!;
    expect(files).toEqual(expect.arrayContaining(["LICENSE", "README.md", "package.json"]));
    const strays = files.filter((path) => /\.(test|fixture|tsbuildinfo|d\.ts\.map)\b|^src\//.test(path));
    expect(strays).toEqual([]);
  });

  it.each(Object.entries(FOLDERS))("%s has the source of every line that a trace may name", (name, path) => {
    const maps = contents[name]!.filter((file) => file.endsWith(".js.map"));
    expect(maps).not.toEqual([]);
    for (const file of maps) {
      const { sources, sourcesContent } = JSON.parse(readFileSync(join(ROOT, path, file), "utf8"));
      expect([file, sourcesContent?.length]).toEqual([file, sources.length]);
    }
  });
});

describe("installed from their tarballs", () => {
  it("storage-queue publishes and subscribes, and brings no Kafka", { timeout: 120_000 }, async () => {
    const home = await project("storage-queue");
    const packages = installed(home);
    expect(packages).toContain("@azure/storage-queue");
    expect(packages.filter((name) => /kafka|service-bus|event-?hubs|eventgrid/.test(name))).toEqual([]);
    await using azurite = await stopping(startAzurite());
    const { connectionString } = azurite.part;
    await publishAndSubscribe(home, { adapter: "storage-queue", connectionString, maxPoll: "100ms" });
  });

  it("service-bus publishes and subscribes, and brings no Kafka and no storage", { timeout: 120_000 }, async () => {
    const home = await project("service-bus");
    const packages = installed(home);
    expect(packages).toContain("@azure/service-bus");
    expect(packages.filter((name) => /kafka|storage|event-hubs|eventgrid/.test(name))).toEqual([]);
    const emulator = await startServiceBusEmulator();
    try {
      await publishAndSubscribe(home, { adapter: "service-bus", connectionString: emulator.connectionString });
    } finally {
      await emulator.close();
    }
  });

  it("kafka publishes and subscribes, and brings nothing of Azure", { timeout: 180_000 }, async ({ skip }) => {
    const home = await project("kafka");
    const packages = installed(home);
    expect(packages).toContain("kafkajs");
    expect(packages.filter((name) => /azure|rhea|msal/.test(name))).toEqual([]);
    const kafka = await testKafka("packages: publishing over kafka");
    if (kafka === undefined) return skip("there is no Kafka on this machine");
    try {
      await publishAndSubscribe(home, { adapter: "kafka", brokers: kafka.brokers });
    } finally {
      await kafka.stop();
    }
  });

  it.each(["memory", "event-hubs", "event-grid"] as const)(
    "%s loads from both worlds",
    { timeout: 120_000 },
    async (name) => {
      const home = await project(name);
      expect(installed(home).filter((one) => /kafka|service-bus|storage-queue/.test(one))).toEqual([]);
      const load = `const names = (module) => Object.keys(module).length;
      import("@waybill/${name}").then((m) => console.log(names(m), names(require("@waybill/${name}"))));`;
      const { stdout } = await run(process.execPath, ["-e", load], { cwd: home, env: CLEAN, timeout: 20_000 });
      expect(stdout).toMatch(/^[1-9]\d* [1-9]\d*\n$/);
    },
  );
});

async function stopping<T extends { stop(): Promise<unknown> }>(starting: Promise<T>) {
  const part = await starting;
  return {
    part,
    [Symbol.asyncDispose]: async () => {
      await part.stop();
    },
  };
}
