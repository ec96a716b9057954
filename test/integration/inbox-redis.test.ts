import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openInbox } from "@waybill/config";
import { type RedisClaim, type RedisClient, redisInbox } from "@waybill/outbox/redis";
import { Redis } from "ioredis";
import { createClient, RESP_TYPES } from "redis";
import { afterAll, describe, expect, test } from "vitest";
import { startRedis } from "../redis/start-redis.ts";
import { startOrSkip } from "../servers/unavailable.ts";

const server = await startOrSkip("inbox on Redis", startRedis);
afterAll(() => server?.stop());

const { signal } = new AbortController();
const nothing = async () => undefined;
const keyOf = (id: string = randomUUID()) => ({ topic: "t", subscription: "s", source: "/x", id });

const clients: Record<string, () => Promise<RedisClient & { close(): Promise<unknown> }>> = {
  async redis() {
    const client = await createClient({ url: server!.url }).connect();
    return { sendCommand: (args) => client.sendCommand([...args]), close: async () => client.destroy() };
  },
  async "redis, told to answer bytes"() {
    const client = await createClient({ url: server!.url }).connect();
    const bytes = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.NUMBER]: String });
    return { sendCommand: (args) => bytes.sendCommand([...args]), close: async () => client.destroy() };
  },
  async ioredis() {
    const client = new Redis(server!.url);
    return Object.assign(client, { close: () => client.quit() });
  },
  async "ioredis, told to answer numbers as texts"() {
    const client = new Redis(server!.url, { stringNumbers: true });
    return Object.assign(client, { close: () => client.quit() });
  },
  async "ioredis, which sends a claim again whose answer was lost"() {
    const client = new Redis(server!.url);
    const call = async (command: string, ...args: string[]) => {
      const answer = await client.call(command, ...args);
      return answer === "claimed" ? client.call(command, ...args) : answer;
    };
    return { call, close: () => client.quit() };
  },
};

describe.skipIf(server === undefined).each(Object.entries(clients))("inbox on Redis by %s", (_, connect) => {
  const withInbox =
    (body: (inbox: ReturnType<typeof redisInbox>, client: RedisClient) => Promise<void>) => async () => {
      const client = await connect();
      try {
        await body(redisInbox({ client }), client);
      } finally {
        await client.close();
      }
    };

  test(
    "is done only after the work is, and busy meanwhile",
    withInbox(async (inbox) => {
      const key = keyOf();
      let finish!: () => void;
      let began!: () => void;
      const begun = new Promise<void>((resolve) => (began = resolve));
      const first = inbox.process(
        key,
        () =>
          new Promise<void>((resolve) => {
            finish = resolve;
            began();
          }),
        signal,
      );
      await begun;
      expect(await inbox.process(key, nothing, signal)).toBe("busy");
      finish();
      expect(await first).toBe("processed");
      expect(await inbox.process(key, nothing, signal)).toBe("duplicate");
    }),
  );

  test(
    "of many at once one processes",
    withInbox(async (inbox) => {
      const key = keyOf();
      const all = await Promise.all(Array.from({ length: 50 }, () => inbox.process(key, nothing, signal)));
      expect(all.filter((one) => one === "processed")).toHaveLength(1);
    }),
  );

  test(
    "work that fails is not remembered, nor waited for",
    withInbox(async (inbox) => {
      const key = keyOf();
      await expect(inbox.process(key, () => Promise.reject(new Error("no")), signal)).rejects.toThrow("no");
      expect(await inbox.process(key, nothing, signal)).toBe("processed");
    }),
  );

  test(
    "a lease is renewed while the work goes on, however long",
    withInbox(async (inbox, client) => {
      let renewals = 0;
      const counted: RedisClient = {
        sendCommand: (args) => {
          if (args[1]!.includes("PEXPIRE")) renewals++;
          return run(client, args);
        },
      };
      const key = keyOf();
      const working = async (claim: RedisClaim) => {
        await expect.poll(() => renewals, { timeout: 30_000 }).toBeGreaterThan(3);
        expect(claim.lost.aborted).toBe(false);
        expect(await inbox.process(key, nothing, signal)).toBe("busy");
      };
      expect(await redisInbox({ client: counted, leaseMs: 2_000 }).process(key, working, signal)).toBe("processed");
    }),
  );

  test(
    "after a crash the claim runs out and the event is processed again",
    withInbox(async (inbox, client) => {
      const key = keyOf();
      // The crashed process: it claims, and is never heard of again.
      const dies: RedisClient = { sendCommand: (args) => run(client, args) };
      const crashed = redisInbox({ client: onlyClaims(dies), leaseMs: 1_000 });
      void crashed.process(key, () => new Promise(() => undefined), signal);
      await expect.poll(() => inbox.process(key, nothing, signal)).toBe("busy");
      await expect.poll(() => inbox.process(key, nothing, signal)).toBe("processed");
    }),
  );

  test(
    "who was frozen past the lease is fenced off: it does not call the other's work done",
    withInbox(async (inbox, client) => {
      const key = keyOf();
      let finish!: () => void;
      let claim: RedisClaim | undefined;
      const frozen = redisInbox({ client: onlyClaims({ sendCommand: (args) => run(client, args) }), leaseMs: 1_000 });
      const late = frozen.process(
        key,
        (tx) => {
          claim = tx;
          return new Promise<void>((resolve) => (finish = resolve));
        },
        signal,
      );
      let finishHeir!: () => void;
      const begun = Promise.withResolvers<string>();
      const heir = () => {
        begun.resolve("working");
        return new Promise<void>((resolve) => (finishHeir = resolve));
      };
      let second: Promise<string> | undefined;
      await expect
        .poll(() => {
          second = inbox.process(key, heir, signal);
          return Promise.race([second, begun.promise]);
        })
        .toBe("working");
      finish();
      await expect(late).rejects.toMatchObject({ code: "WB_INBOX_CLAIM_LOST" });
      expect(claim?.lost.aborted).toBe(true);
      expect(await inbox.process(key, nothing, signal)).toBe("busy");
      finishHeir();
      expect(await second).toBe("processed");
      expect(await inbox.process(key, nothing, signal)).toBe("duplicate");
    }),
  );

  test(
    "work that outlives its signal keeps the claim until it ends",
    withInbox(async (inbox) => {
      const key = keyOf();
      const stop = new AbortController();
      let finish!: () => void;
      const first = inbox.process(
        key,
        () => {
          stop.abort(new Error("timeout"));
          return new Promise<void>((resolve) => (finish = resolve));
        },
        stop.signal,
      );
      await expect(first).rejects.toThrow("timeout");
      expect(await inbox.process(key, nothing, signal)).toBe("busy");
      finish();
      await expect.poll(() => inbox.process(key, nothing, signal)).toBe("duplicate");
    }),
  );

  test(
    "any four strings are told apart",
    withInbox(async (inbox) => {
      const id = randomUUID();
      const key = keyOf(id);
      const keys = [
        key,
        { ...key, id: `${id}\ud800` },
        { ...key, id: `${id}\ud801` },
        { ...key, topic: "t/s", subscription: "" },
      ];
      for (const one of keys) expect(await inbox.process(one, nothing, signal)).toBe("processed");
      for (const one of keys) expect(await inbox.process(one, nothing, signal)).toBe("duplicate");
    }),
  );
});

test.skipIf(server === undefined)("opens from a configuration, with a client of its own", async () => {
  const config = {
    broker: "memory",
    source: "/s",
    inbox: { store: "redis", url: server!.url, lease: "10s", retain: "1h" },
  };
  const folder = await mkdtemp(join(import.meta.dirname, ".redis-"));
  try {
    const file = join(folder, "waybill.config.json");
    await writeFile(file, JSON.stringify(config));
    const inbox = await openInbox({ file });
    const key = keyOf();
    expect(await inbox.process(key, nothing, signal)).toBe("processed");
    expect(await inbox.process(key, nothing, signal)).toBe("duplicate");
    await inbox.close();
    await expect(inbox.process(key, nothing, signal)).rejects.toThrow();
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("refuses what is no client, and lengths that make no sense", () => {
  expect(() => redisInbox({ client: {} as never })).toThrow(/client of redis/);
  const client = { call: async () => 1 };
  expect(() => redisInbox({ client, leaseMs: 0 })).toThrow(/leaseMs/);
  expect(() => redisInbox({ client, retainMs: Number.NaN })).toThrow(/retainMs/);
});

function run(client: RedisClient, args: readonly string[]): Promise<unknown> {
  return "call" in client ? client.call(args[0]!, ...args.slice(1)) : client.sendCommand(args);
}

/** Renewals never arrive, as from a process that is frozen. */
function onlyClaims(client: { sendCommand(args: readonly string[]): Promise<unknown> }): RedisClient {
  return {
    sendCommand: (args) =>
      args[1]!.includes("PEXPIRE") ? Promise.reject(new Error("frozen")) : client.sendCommand(args),
  };
}
