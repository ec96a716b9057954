import { WaybillError } from "@waybill/core";
import type { Relay } from "@waybill/outbox";
import { expect, test } from "vitest";
import { openWatch } from "./watch.ts";

const store = {
  counts: async () => ({ waiting: 0, scheduled: 0, parked: 0, dead: 0 }),
  overview: async () => ({ topics: [], relays: [] }),
};
const relay = { status: () => ({ owner: "me", state: "active", buckets: 64, resting: [] }) } as unknown as Relay;

test("ready once it is started, not after a trouble with the store, and still where only the log is refused", async () => {
  const watch = await openWatch({ host: "127.0.0.1", port: 0 }, store);
  const ready = async () => (await fetch(`http://127.0.0.1:${watch.port}/readyz`)).status;
  try {
    expect(await ready()).toBe(503);
    watch.started(relay);
    expect(await ready()).toBe(200);
    watch.observer.trouble?.({ error: new WaybillError("WB_POSTGRES_REPLICATION", "No log.", "None.") });
    expect(await ready()).toBe(200);
    watch.observer.trouble?.({ error: new Error("Connection lost") });
    expect(await ready()).toBe(503);
  } finally {
    await watch.close();
  }
});
