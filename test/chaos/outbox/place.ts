import { join } from "node:path";
import { startMariadb } from "../../mariadb/start-mariadb.ts";
import { startPostgres } from "../../postgres/start-postgres.ts";
import type { Address, StoreName } from "./database.ts";

/** The database of a run, and what can be done to it from outside. */
export interface Place {
  readonly address: Address;
  /** Stops the server and starts it again; `crash` kills it. Absent where there is no server. */
  readonly restart?: (how: "fast" | "crash") => Promise<void>;
  /** Ends all connections to the database. */
  readonly killConnections?: () => Promise<void>;
  stop(): Promise<void>;
}

/** Rejects with `Unavailable` where this machine has no such server. */
export async function startPlace(store: StoreName, folder: string): Promise<Place> {
  if (store === "sqlite") return { address: { store, url: join(folder, "store.db") }, stop: async () => undefined };
  if (store === "mysql") {
    const server = await startMariadb();
    const url = await server.database();
    const restart = async (how: "fast" | "crash") => {
      await server.halt(how);
      await server.resume();
    };
    return {
      address: { store, url },
      ...(server.isOurs ? { restart } : {}),
      killConnections: () => server.killConnections(url),
      stop: () => server.stop(),
    };
  }
  const server = await startPostgres();
  const url = await server.database();
  return {
    address: { store, url },
    restart: (how) => server.restart(how),
    killConnections: () => server.killConnections(url),
    stop: () => server.stop(),
  };
}
