import { resolve } from "node:path";
import type { Bus, Inbox } from "@waybill/core";
import type { Outbox, Relay, RelayObserver, Store, StoreInbox } from "@waybill/outbox";
import { configErrors } from "./config-errors.ts";
import { type LoadedConfig, loadConfig } from "./load-config.ts";
import type { OpenOptions } from "./open-bus.ts";
import { openRedisInbox } from "./open-redis-inbox.ts";
import { paceBy } from "./relay-pace.ts";

// The outbox package is loaded only where a file has one: a service without a database pays nothing for it.

/**
 * The outbox of the configuration. Rejects with WB_CONFIG_SECTION_MISSING where there is none. `Tx` is what the file's kind of store hands
 * to transactions: `DatabaseSync` of `node:sqlite`, `PoolClient` of `pg`; `Joins` what else it may join.
 */
export async function openOutbox<Tx = unknown, Joins = Tx>(options: OpenOptions = {}): Promise<Outbox<Tx, Joins>> {
  const loaded = options.loaded ?? (await loadConfig(options));
  const { createOutbox } = await import("@waybill/outbox");
  const store = (await openStore(loaded, "outbox")) as Store<Tx, Joins>;
  return createOutbox({ store, source: loaded.config.source });
}

/** An inbox and what it keeps open. With a database it also has `processBatch` and `prune`. */
export type OpenedInbox<Tx> = Inbox<Tx> & Partial<StoreInbox<Tx>> & { close(): Promise<void> };

/**
 * The inbox of the configuration, for the `inbox` option of `bus.subscribe`. `Tx` as with {@link openOutbox}; `RedisClaim` over Redis.
 * Rejects where Redis cannot be reached; a database is opened at first use.
 */
export async function openInbox<Tx = unknown>(options: OpenOptions = {}): Promise<OpenedInbox<Tx>> {
  const loaded = options.loaded ?? (await loadConfig(options));
  const { inbox } = loaded.config;
  if (inbox?.store === "redis") return (await openRedisInbox(inbox, loaded.folder)) as OpenedInbox<Tx>;
  if (inbox?.store === "memory") {
    const { memoryInbox } = await import("@waybill/outbox");
    const { store: _, ...rest } = inbox;
    return { ...(memoryInbox(rest) as Inbox<Tx>), close: async () => undefined };
  }
  const { createInbox } = await import("@waybill/outbox");
  const store = (await openStore(loaded, "inbox")) as Store<Tx>;
  return { ...createInbox({ store }), close: () => store.close() };
}

/**
 * A relay over the outbox of the configuration, publishing through `bus`. The caller starts and drains it, and closes the store
 * (that `openStore` gave) and the bus.
 */
export async function openRelay(
  options: OpenOptions & { readonly bus: Bus; readonly store?: Store; readonly observer?: RelayObserver },
): Promise<Relay> {
  const loaded = options.loaded ?? (await loadConfig(options));
  const { createRelay } = await import("@waybill/outbox");
  const { maxBacklog, ...relay } = loaded.config.relay;
  return createRelay({
    ...relay,
    store: options.store ?? (await openStore(loaded, "outbox")),
    publisher: options.bus,
    ...(options.observer === undefined ? {} : { observer: options.observer }),
    ...(maxBacklog === undefined ? {} : { pace: paceBy(options.bus, loaded.config, maxBacklog) }),
  });
}

/**
 * The store of a section, not opened yet; what its transactions hand on depends on the kind of store. Stores on one SQLite file share
 * it; each is closed by whoever opened it.
 */
export async function openStore(loaded: LoadedConfig, section: "outbox" | "inbox"): Promise<Store> {
  const config = loaded.config[section];
  if (config === undefined) throw configErrors.WB_CONFIG_SECTION_MISSING({ file: loaded.file, section });
  if (config.store === "redis" || config.store === "memory") {
    throw configErrors.WB_CONFIG_NO_DATABASE({ file: loaded.file, section, store: config.store });
  }
  if (config.store === "mysql") {
    const { store: _, ...options } = config;
    const { mysql } = await import("@waybill/outbox/mysql");
    return mysql(options);
  }
  if (config.store === "sqlite") {
    const { sqlite } = await import("@waybill/outbox/sqlite");
    return sqlite({ path: resolve(loaded.folder, config.path) });
  }
  const { store: _, url, ...options } = config;
  const { postgres } = await import("@waybill/outbox/postgres");
  return postgres({ ...options, connectionString: url });
}
