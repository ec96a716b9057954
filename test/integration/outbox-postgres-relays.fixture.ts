import { isWaybillError } from "@waybill/core";
import { createOutbox, createRelay, type RelayOptions } from "@waybill/outbox";
import { Recorder } from "@waybill/outbox/conformance";
import { type PostgresOptions, postgres } from "@waybill/outbox/postgres";
import { afterEach } from "vitest";
import type { RunningPostgres } from "../postgres/start-postgres.ts";

/** For the tests of one file: outboxes on a server, with relays that publish to a recorder. All is closed after each test, with what was added to `closing`. */
export function relaysOn(server: RunningPostgres | undefined) {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  /** An outbox, in a new database unless one is given, and unless told otherwise a relay. */
  async function started(options: Partial<PostgresOptions> & { relay?: boolean; pollMs?: number } = {}) {
    const { relay: withRelay = true, pollMs, ...storeOptions } = options;
    const url = storeOptions.connectionString ?? (await server!.database());
    const store = postgres({ connectionString: url, ...storeOptions });
    closing.push(() => store.close());
    await store.open();
    const recorder = new Recorder();
    const troubles: string[] = [];
    const start = async (owner: string, relayOptions: Partial<RelayOptions> = {}) => {
      const relay = createRelay({
        store,
        publisher: recorder,
        owner,
        leaseMs: 1_000,
        ...(pollMs === undefined ? {} : { pollMs }),
        observer: { trouble: ({ error }) => troubles.push(isWaybillError(error) ? error.code : String(error)) },
        ...relayOptions,
      });
      closing.push(() => relay.close());
      await relay.start();
      return relay;
    };
    if (withRelay) await start("first");
    const outbox = createOutbox({ store, source: "/faults" });
    const write = (id: number, data: unknown = id, partitionkey = "k") =>
      outbox.transaction((tx) =>
        outbox.publishRaw(tx, "notes", {
          specversion: "1.0",
          id: `${id}`,
          source: "/f",
          type: "t",
          partitionkey,
          data,
        }),
      );
    return { url, store, recorder, troubles, outbox, write, start };
  }

  return { closing, started };
}

export const distinct = (recorder: Recorder) => [...new Set(recorder.data)];
export const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);
