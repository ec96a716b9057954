import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadConfig } from "./load-config.ts";
import { openAdapters, openBus } from "./open-bus.ts";
import { openInbox, openOutbox, openRelay, openStore } from "./open-stores.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "waybill-open-"));
  writeFileSync(
    join(folder, "recorder.ts"),
    `export default (options) => ({ name: "recorder", options, close: async () => { closed.push(options.id); } });
     export const closed: string[] = [];`,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
async function load(text: string) {
  const file = join(folder, `c${++files}.yaml`);
  writeFileSync(file, `source: /s\n${text}`);
  return loadConfig({ file, env: {} });
}

describe("openAdapters", () => {
  it("hands a factory its options, the prefix and the subscriptions of its own topics", async () => {
    const loaded = await load(`prefix: dev
brokers:
  a: { adapter: ./recorder.ts, id: one, poll: 1s }
  b: { adapter: ./recorder.ts, id: two, prefix: own }
topics:
  orders: { broker: a, subscriptions: [billing, audit] }
  bare: { broker: a }
  "log-*": { broker: b }`);
    const adapters = (await openAdapters(loaded)) as unknown as Record<string, { options: unknown }>;
    expect(adapters.a?.options).toEqual({
      prefix: "dev",
      id: "one",
      pollMs: 1_000,
      subscriptions: { orders: ["billing", "audit"], bare: [] },
    });
    expect(adapters.b?.options).toEqual({ prefix: "own", id: "two", subscriptions: {} });
  });

  it("hands the keeper of what returns to subscriptions those, and no others", async () => {
    const loaded = await load(`brokers:
  a: { adapter: ./recorder.ts, id: one }
  b: { adapter: ./recorder.ts, id: two }
topics:
  orders: { broker: a, subscriptions: { billing: { retryBroker: b }, audit: {} } }`);
    const adapters = (await openAdapters(loaded)) as unknown as Record<string, { options: unknown }>;
    expect(adapters.a?.options).toMatchObject({ subscriptions: { orders: ["billing", "audit"] } });
    expect(adapters.b?.options).toMatchObject({ subscriptions: { orders: ["billing"] } });
  });

  it("says how to install a package that is not there, and closes what it had opened", async () => {
    const loaded = await load("brokers: { a: { adapter: ./recorder.ts, id: first }, b: '@acme/waybill-none' }");
    await expect(openAdapters(loaded)).rejects.toMatchObject({
      code: "WB_ADAPTER_NOT_INSTALLED",
      hint: expect.stringContaining("npm install @acme/waybill-none"),
    });
    const { closed } = (await import(join(folder, "recorder.ts"))) as { closed: string[] };
    expect(closed).toEqual(["first"]);
  });

  it("says why a module is no adapter", async () => {
    writeFileSync(join(folder, "empty.ts"), "export const nothing = 1;");
    writeFileSync(join(folder, "broken.ts"), "import 'not-there-either';");
    for (const [name, problem] of [
      ["empty", "it exports no function default"],
      ["broken", "not-there-either"],
    ]) {
      await expect(openAdapters(await load(`broker: ./${name}.ts`))).rejects.toMatchObject({
        code: "WB_ADAPTER_UNLOADABLE",
        sentence: expect.stringContaining(problem as string),
      });
    }
  });
});

describe("openBus", () => {
  it("publishes and consumes through the configured broker", async () => {
    await using bus = await openBus({
      loaded: await load("broker: memory\ntopics: { orders: { subscriptions: [billing] } }"),
    });
    const seen = Promise.withResolvers<string>();
    await bus.subscribe("orders", { name: "billing" }, (event) => seen.resolve(event.id));
    await bus.publishRaw("orders", { specversion: "1.0", id: "e-1", source: bus.source, type: "t" });
    expect([await seen.promise, bus.source]).toEqual(["e-1", "/s"]);
  });

  it("finds settings of declared topics only, whatever they are called", async () => {
    await using bus = await openBus({ loaded: await load("broker: memory\ntopics: { orders: {} }") });
    for (const topic of ["constructor", "orders"])
      expect((await bus.subscribe(topic, { name: "constructor" }, () => undefined)).name).toBe("constructor");
  });

  it("lets a subscription's settings in the file win over those in code", async () => {
    const text =
      "broker: memory\ntopics: { orders: { subscriptions: { billing: { retry: { attempts: 2, initial: 1ms } } } } }";
    const given = Promise.withResolvers<number>();
    const bus = await openBus({
      loaded: await load(text),
      observers: [{ deadLettered: ({ attempt }) => given.resolve(attempt) }],
    });
    await bus.subscribe("orders", { name: "billing", retry: { attempts: 9, jitter: 0 } }, () => {
      throw new Error("no");
    });
    await bus.publishRaw("orders", { specversion: "1.0", id: "e-1", source: "/s", type: "t" });
    expect(await given.promise).toBe(2);
    await bus.close();
  });
});

describe("openOutbox and openRelay", () => {
  it("find the store beside the file, and the relay publishes through the bus", async () => {
    const loaded = await load("broker: memory\noutbox: { store: sqlite, path: ./beside.db }\nrelay: { poll: 5ms }");
    await using bus = await openBus({ loaded });
    const seen = Promise.withResolvers<string>();
    await bus.subscribe("orders", { name: "billing" }, (event) => seen.resolve(event.source));
    const outbox = await openOutbox({ loaded });
    await outbox.transaction((tx) =>
      outbox.publishRaw(tx, "orders", { specversion: "1.0", id: "e-1", source: "/outbox", type: "t" }),
    );
    await using relay = await openRelay({ loaded, bus });
    await relay.start();
    expect(await seen.promise).toBe("/outbox");
  });

  it("open an inbox in memory, which is no database for others", async () => {
    const loaded = await load("broker: memory\ninbox: { store: memory, lease: 1m, maxEntries: 10 }");
    const inbox = await openInbox({ loaded });
    const key = { topic: "t", subscription: "s", source: "/x", id: "1" };
    const { signal } = new AbortController();
    expect(await inbox.process(key, async () => undefined, signal)).toBe("processed");
    expect(await inbox.process(key, async () => undefined, signal)).toBe("duplicate");
    await inbox.close();
    await expect(openStore(loaded, "inbox")).rejects.toMatchObject({ code: "WB_CONFIG_NO_DATABASE" });
  });

  it("hold the relay back while more than maxBacklog wait", async () => {
    const text = `broker: memory
topics: { orders: { subscriptions: [billing] } }
outbox: { store: sqlite, path: ./paced.db }
relay: { poll: 5ms, maxBacklog: 10 }`;
    const loaded = await load(text);
    await using bus = await openBus({ loaded });
    let waiting = 11;
    let asked = 0;
    let published = 0;
    const askedOften = Promise.withResolvers<void>();
    const seen = Promise.withResolvers<void>();
    const watched: typeof bus = {
      ...bus,
      backlog: async () => {
        if (++asked === 3) askedOften.resolve();
        return { events: waiting };
      },
      publishRaw: (async (topic: string, events: never) => {
        published++;
        seen.resolve();
        return bus.publishRaw(topic, events);
      }) as typeof bus.publishRaw,
    };
    const outbox = await openOutbox({ loaded });
    await outbox.transaction((tx) =>
      outbox.publishRaw(tx, "orders", { specversion: "1.0", id: "e-1", source: "/outbox", type: "t" }),
    );
    await using relay = await openRelay({ loaded, bus: watched });
    await relay.start();
    await askedOften.promise;
    expect(published).toBe(0);
    waiting = 10;
    await seen.promise;
  });

  it("say which section is missing", async () => {
    await expect(openOutbox({ loaded: await load("broker: memory") })).rejects.toMatchObject({
      code: "WB_CONFIG_SECTION_MISSING",
    });
  });
});

describe("the claim check of a configuration", () => {
  it("takes what is above the broker's limit, in a folder beside the file", async () => {
    const loaded = await load(`broker: { adapter: memory, limits: { maxMessageBytes: 2000 } }
claimCheck: { store: folder, path: ./claims }`);
    await using bus = await openBus({ loaded });
    const length = Promise.withResolvers<number>();
    await bus.subscribe("big", { name: "s" }, (event) => length.resolve((event.data as string).length));
    const event = { specversion: "1.0" as const, id: "1", source: "/s", type: "t", data: "x".repeat(5_000) };
    expect(await bus.publishRaw("big", event)).toMatchObject({ ok: true });
    expect(await length.promise).toBe(5_000);
    expect(readdirSync(join(folder, "claims"))).toHaveLength(1);
  });

  it.each([
    ["{ store: cupboard }", "claimCheck.store must be one of folder, blob"],
    ["{ store: folder, paht: ./x }", "claimCheck.paht is unknown; did you mean path?"],
  ])("%s is refused", async (section, problem) => {
    await expect(load(`broker: memory\nclaimCheck: ${section}`)).rejects.toMatchObject({
      sentence: expect.stringContaining(problem),
    });
  });

  it("closes what it had opened when the store refuses its options", async () => {
    const loaded = await load("broker: { adapter: ./recorder.ts, id: claims }\nclaimCheck: { store: blob }");
    await expect(openBus({ loaded })).rejects.toMatchObject({ code: "WB_CLAIM_STORE_OPTION" });
    const { closed } = (await import(join(folder, "recorder.ts"))) as { closed: string[] };
    expect(closed).toContain("claims");
  });
});
