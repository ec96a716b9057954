import type { Publisher, RawCloudEvent } from "@waybill/core";
import { lineOf } from "./log.ts";

/** As a bus bounds each publishing. */
const TIMEOUT_MS = 5_000;

/** Publishes to the broker of `broker-process.ts`. */
export function brokerPublisher(url: string, relay: string): Publisher {
  return {
    stopsKeys: () => true,
    async publishRaw(_topic: string, events: readonly RawCloudEvent[], { signal } = {}) {
      const body = events.map((event) => {
        const { name, version } = event.data as { name: string; version: number };
        return lineOf({ id: event.id, name, version, relay });
      });
      const late = AbortSignal.timeout(TIMEOUT_MS);
      try {
        const response = await fetch(url, {
          method: "POST",
          body: body.join(""),
          signal: signal === undefined ? late : AbortSignal.any([signal, late]),
        });
        const refused = new Set((await response.json()) as number[]);
        return events.map((_, index) =>
          refused.has(index)
            ? { ok: false, error: new Error("refused for the first time") }
            : { ok: true, value: undefined },
        );
      } catch (cause) {
        const error = Object.assign(new Error("the broker did not answer", { cause }), { code: "ECONNRESET" });
        return events.map(() => ({ ok: false, error }));
      }
    },
  } as Publisher;
}
