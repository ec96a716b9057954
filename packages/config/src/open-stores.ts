import { resolve } from "node:path";
import type { Bus } from "@waybill/core";
import type { Outbox, Relay, RelayObserver, Store, StoreInbox } from "@waybill/outbox";
import { configErrors } from "./config-errors.ts";
import { type LoadedConfig, loadConfig } from "./load-config.ts";
import type { OpenOptions } from "./open-bus.ts";
import { paceBy } from "./relay-pace.ts";
import type { StoreConfig } from "./resolve-config.ts";

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

/** The inbox of the configuration, for the `inbox` option of `bus.subscribe`. */
export async function openInbox<Tx = unknown>(options: OpenOptions = {}): Promise<StoreInbox<Tx>> {
  const loaded = options.loaded ?? (await loadConfig(options));
  const { createInbox } = await import("@waybill/outbox");
  return createInbox({ store: (await openStore(loaded, "inbox")) as Store<Tx> });
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
  const config: StoreConfig | undefined = loaded.config[section];
  if (config === undefined) throw configErrors.WB_CONFIG_SECTION_MISSING({ file: loaded.file, section });
  if (config.store === "sqlite") {
    const { sqlite } = await import("@waybill/outbox/sqlite");
    return sqlite({ path: resolve(loaded.folder, config.path) });
  }
  const { store: _, url, ...options } = config;
  const { postgres } = await import("@waybill/outbox/postgres");
  return postgres({ ...options, connectionString: url });
}
