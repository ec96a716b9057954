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

it("names only what runs, with what it needs, and takes memory where there is nothing", async () => {
  const { serviceBus, eventHubs } = ALL;
  const text = configText({ serviceBus, eventHubs } as Connections);
  expect(text).not.toMatch(/EVENT_HUBS|STORAGE|EVENT_GRID|KAFKA/);
  expect((await read(text, { serviceBus } as Connections)).config.brokers.main).toMatchObject({
    adapter: "service-bus",
    options: { connectionString: "sb", ownQueues: false },
  });
  expect((await read(configText({}), {})).config.brokers.main).toMatchObject({ adapter: "memory" });
});

it("has a comment for each other broker, which becomes a config when its marks are taken away", async () => {
  const [, ...blocks] = configText(ALL).split("# Or:\n");
  const adapters: unknown[] = [];
  for (const block of blocks) {
    const broker = block.split("\n\n")[0]!.replaceAll(/^# /gm, "");
    const text = `source: /s\n${broker}\ntopics: { orders: { subscriptions: [billing] } }\n`;
    adapters.push((await read(text, ALL)).config.brokers.main?.adapter);
  }
  expect(adapters).toEqual(["service-bus", "event-hubs", "event-grid", "kafka"]);
});
