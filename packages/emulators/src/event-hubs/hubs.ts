import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../clock.ts";
import { argumentError, notFound } from "./conditions.ts";
import { Hub } from "./hub.ts";
import { type HubOptions, readSettings } from "./hub-settings.ts";

const OPTIONS_FILE = "hub.json";

/** In one step, so that a kill leaves the old file or the new one. */
function writeOptions(folder: string, name: string, options: HubOptions): void {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, OPTIONS_FILE);
  writeFileSync(`${file}.new`, JSON.stringify({ name, options }));
  renameSync(`${file}.new`, file);
}

/** The hubs of a namespace, by name in any case. */
export class Hubs {
  private readonly clock: Clock;
  private readonly dataDir: string | undefined;
  private readonly byName = new Map<string, Hub>();
  private readonly options = new Map<string, HubOptions>();

  constructor(clock: Clock, dataDir: string | undefined) {
    this.clock = clock;
    this.dataDir = dataDir;
  }

  /** Throws an argument error when the name is taken or the options are wrong. */
  create(name: string, options: HubOptions): Hub {
    const key = name.toLowerCase();
    if (this.byName.has(key)) throw argumentError(`The hub '${name}' exists already.`);
    const settings = readSettings(name, options, this.dataDir !== undefined);
    const folder = this.dataDir && join(this.dataDir, key);
    if (folder !== undefined) writeOptions(folder, name, options);
    const hub = new Hub(settings, this.clock, folder);
    this.byName.set(key, hub);
    this.options.set(key, options);
    return hub;
  }

  /** As the management plane does: fine when it is there. Throws for a hub that is not, and for a name that is none. */
  addConsumerGroup(name: string, group: string): void {
    const hub = this.get(name);
    hub.addConsumerGroup(group);
    const key = name.toLowerCase();
    const before = this.options.get(key);
    const consumerGroups = [...new Set([...(before?.consumerGroups ?? []), group])];
    const options = { ...before, consumerGroups };
    this.options.set(key, options);
    if (this.dataDir !== undefined) writeOptions(join(this.dataDir, key), hub.settings.name, options);
  }

  /** Makes the hubs that the data folder has and nobody has named: they came over the network or by hand the last time. */
  restore(): void {
    if (this.dataDir === undefined || !existsSync(this.dataDir)) return;
    for (const key of readdirSync(this.dataDir)) {
      const file = join(this.dataDir, key, OPTIONS_FILE);
      if (this.byName.has(key) || !existsSync(file)) continue;
      const { name, options } = JSON.parse(readFileSync(file, "utf8")) as { name: string; options: HubOptions };
      this.create(name, options);
    }
  }

  has(name: string): boolean {
    return this.byName.has(name.toLowerCase());
  }

  /** Throws `amqp:not-found`, which names the whole path that was asked for. */
  get(name: string, path: string = name): Hub {
    const hub = this.byName.get(name.toLowerCase());
    if (hub === undefined) throw notFound(path);
    return hub;
  }

  close(): void {
    for (const hub of this.byName.values()) hub.close();
  }
}
