import type { RawCloudEvent } from "@waybill/core";
import { benchRelay } from "./waybill.ts";

/** A relay in a process of its own: `relay-process.ts URL MODE`. Tells its parent how many events it has published, call by call. */
const [url = "", mode = "polling"] = process.argv.slice(2);
const publisher = {
  stopsKeys: () => true,
  async publishRaw(_topic: string, events: readonly RawCloudEvent[]) {
    process.send!({ published: events.length });
    return events.map(() => ({ ok: true as const, value: undefined }));
  },
};
const relay = await benchRelay(url, publisher, mode as "polling" | "cdc");
const done = () => process.send!({ done: true });
process.on("disconnect", () => process.exit(1));
process.on("message", async (order: { has?: number; hold?: true; go?: true; stop?: true }) => {
  if (order.has !== undefined) await relay.has(order.has).then(done);
  if (order.hold) await relay.hold().then(done);
  if (order.go) relay.go();
  if (order.stop) {
    await relay.stop();
    process.exit(0);
  }
});
process.send!({ published: 0 });
