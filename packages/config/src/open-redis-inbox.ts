import type { Inbox } from "@waybill/core";
import { redacted } from "@waybill/core/spi";
import type { NodeRedisClient, RedisClaim } from "@waybill/outbox/redis";
import { configErrors } from "./config-errors.ts";
import { loadPackage, NOT_INSTALLED } from "./load-package.ts";
import type { RecordConfig } from "./resolve-config.ts";

interface OwnClient extends NodeRedisClient {
  on(event: "error", listener: (error: unknown) => void): unknown;
  connect(): Promise<unknown>;
  destroy(): void;
}

/** An inbox over a Redis client of its own, made by the application's package `redis`. */
export async function openRedisInbox(
  config: RecordConfig & { readonly store: "redis" },
  folder: string,
): Promise<Inbox<RedisClaim> & { close(): Promise<void> }> {
  const module = await loadPackage("redis", folder);
  if (module === NOT_INSTALLED) throw configErrors.WB_REDIS_NOT_INSTALLED({});
  const { store: _, url, ...options } = config;
  const createClient = module.createClient as (options: object) => OwnClient;
  // What is asked while Redis is away fails at once: the event comes again.
  const client = createClient({ url, disableOfflineQueue: true });
  // Once it has been there it connects anew by itself, and each command tells of its own failure. Before, it would try for ever in silence.
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  client.on("error", failed.reject);
  try {
    await Promise.race([client.connect(), failed.promise]);
  } catch (error) {
    client.destroy();
    throw configErrors.WB_REDIS_UNREACHABLE({ problem: redacted(error) }, error);
  }
  const { redisInbox } = await import("@waybill/outbox/redis");
  return { ...redisInbox({ ...options, client }), close: async () => client.destroy() };
}
