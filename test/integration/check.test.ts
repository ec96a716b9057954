import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assessConfig, loadConfig, openAdapters } from "@waybill/config";
import { afterAll, describe, expect, it } from "vitest";

// What `waybill check` says while no broker can be reached: what the options alone decide, and what is assumed beside it.

const folder = mkdtempSync(join(tmpdir(), "waybill-check-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const KEY = "c2VjcmV0";
const ACCOUNT = `DefaultEndpointsProtocol=http;AccountName=a;AccountKey=${KEY};QueueEndpoint=http://127.0.0.1:1/a;BlobEndpoint=http://127.0.0.1:1/a`;
const AMQP = `Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=a;SharedAccessKey=${KEY};UseDevelopmentEmulator=true`;

const BROKERS: [string, Record<string, unknown>, { order: string; assumed: boolean }][] = [
  ["storage-queue", { connectionString: ACCOUNT }, { order: "none", assumed: false }],
  ["service-bus", { connectionString: AMQP, sessions: "none" }, { order: "none", assumed: true }],
  ["service-bus", { connectionString: AMQP, sessions: "buckets" }, { order: "per-key", assumed: true }],
  [
    "event-hubs",
    { connectionString: AMQP, checkpoints: { connectionString: ACCOUNT } },
    { order: "per-key", assumed: true },
  ],
  ["event-grid", { endpoint: "http://127.0.0.1:1", key: KEY }, { order: "none", assumed: true }],
  ["kafka", { brokers: ["127.0.0.1:1"] }, { order: "per-key", assumed: true }],
];

let files = 0;
async function assess(broker: Record<string, unknown>, order: string) {
  const file = join(folder, `c${++files}.json`);
  const topics = { orders: { subscriptions: { billing: { order } } } };
  writeFileSync(file, JSON.stringify({ source: "/s", broker, topics }));
  const loaded = await loadConfig({ file, env: {} });
  const adapters = await openAdapters(loaded);
  try {
    const [report] = await assessConfig(loaded, adapters, AbortSignal.timeout(20_000));
    return report!;
  } finally {
    await Promise.all(Object.values(adapters).map((adapter) => adapter.close()));
  }
}

describe("with no broker to ask", () => {
  it.each(BROKERS)("%s is assessed all the same (%o)", { timeout: 40_000 }, async (adapter, options, expected) => {
    const { order, assumed } = expected;
    const preferred = await assess({ adapter, ...options }, "preferred");
    expect(preferred.problem).toBeUndefined();
    expect(preferred.assessment?.granted?.guarantee.order).toBe(order);
    expect(preferred.limits?.maxMessageBytes).toBeGreaterThan(60_000);
    expect(preferred.assumed === undefined).toBe(!assumed);
    const required = await assess({ adapter, ...options }, "required");
    expect(required.assessment?.granted === undefined).toBe(order === "none");
  });
});
