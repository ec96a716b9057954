// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how config files refer to variables
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "@waybill/config";
import { expect, it, onTestFinished } from "vitest";
import { configText } from "./config-text.ts";
import type { Connections } from "./connections.ts";
import { variablesOf } from "./environment.ts";

const ALL: Connections = {
  serviceBus: { connectionString: "sb" },
  eventHubs: { connectionString: "eh" },
  eventGrid: { endpoint: "http://127.0.0.1:1", key: "k" },
  storage: { connectionString: "UseDevelopmentStorage=true" },
  kafka: { brokers: ["a:1", "b:2"] },
};

function read(text: string, connections: Connections) {
  const folder = mkdtempSync(join(tmpdir(), "waybill-dev-config-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "c.yaml");
  writeFileSync(file, text);
  return loadConfig({ file, env: variablesOf(connections, undefined) });
}

it("is a config that needs nothing but the printed variables", async () => {
  const { config } = await read(configText(ALL), ALL);
  expect(config.brokers.main).toMatchObject({
    adapter: "storage-queue",
    options: { connectionString: "UseDevelopmentStorage=true" },
  });
  expect(Object.keys(config.topics.orders?.subscriptions ?? {})).toEqual(["billing"]);
});

it("names only what runs, and takes memory where nothing has an adapter", async () => {
  const connections = { eventHubs: ALL.eventHubs } as Connections;
  const text = configText(connections);
  expect(text).toContain("#   connectionString: ${EVENT_HUBS_CONNECTION}");
  expect(text).not.toMatch(/SERVICE_BUS|STORAGE|EVENT_GRID|KAFKA/);
  expect((await read(text, connections)).config.brokers.main).toMatchObject({ adapter: "memory" });
});

it("has a comment for each other broker, which becomes a config when its marks are taken away", async () => {
  const [, ...blocks] = configText(ALL).split(/^# (?:Or|Once its adapter exists):\n/m);
  expect(blocks).toHaveLength(4);
  for (const block of blocks)
    expect(block).toMatch(/^# broker:\n# {3}adapter: [a-z-]+\n(# {3}\w+: \$\{[A-Z_]+\}\n)+\n/);
  const ready = configText(ALL).split("# Or:\n").slice(1);
  for (const block of ready) {
    const text = `source: /s\n${block.split("\n\n")[0]!.replaceAll(/^# /gm, "")}\ntopics: { orders: { subscriptions: [billing] } }\n`;
    const { config } = await read(text, ALL);
    expect(config.brokers.main?.adapter).not.toBe("memory");
  }
});
