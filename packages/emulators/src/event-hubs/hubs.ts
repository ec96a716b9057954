import { join } from "node:path";
import type { Clock } from "../clock.ts";
import { argumentError, notFound } from "./conditions.ts";
import { Hub } from "./hub.ts";
import { type HubOptions, readSettings } from "./hub-settings.ts";

/** The hubs of a namespace, by name in any case. */
export class Hubs {
  private readonly clock: Clock;
  private readonly dataDir: string | undefined;
  private readonly byName = new Map<string, Hub>();

  constructor(clock: Clock, dataDir: string | undefined) {
    this.clock = clock;
    this.dataDir = dataDir;
  }

  /** Throws an argument error when the name is taken or the options are wrong. */
  create(name: string, options: HubOptions): Hub {
    const key = name.toLowerCase();
    if (this.byName.has(key)) throw argumentError(`The hub '${name}' exists already.`);
    const settings = readSettings(name, options, this.dataDir !== undefined);
    const hub = new Hub(settings, this.clock, this.dataDir && join(this.dataDir, key));
    this.byName.set(key, hub);
    return hub;
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
