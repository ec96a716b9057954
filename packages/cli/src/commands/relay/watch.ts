import { isWaybillError } from "@waybill/core";
import type { Relay, RelayObserver, Store } from "@waybill/outbox";
import type { Answer } from "./door.ts";
import { type Door, openDoor } from "./door.ts";
import { createMetrics } from "./metrics.ts";

export interface Watch {
  readonly observer: RelayObserver;
  /** From now on it is ready, as long as the store is. */
  started(relay: Relay): void;
  /** It takes nothing new: traffic, if any, goes elsewhere. */
  draining(): void;
  close(): Promise<void>;
  readonly port: number;
}

/** After a trouble with the store it is not ready for so long. */
const TROUBLED_MS = 10_000;

/** Health, readiness and metrics of one relay, over HTTP. */
export async function openWatch(
  at: { readonly host: string; readonly port: number },
  store: Pick<Store, "counts" | "overview">,
): Promise<Watch> {
  let relay: Relay | undefined;
  let draining = false;
  let troubledAt = Number.NEGATIVE_INFINITY;
  const metrics = createMetrics(store, () => relay);

  const live = (): Answer => json(200, { live: true, ...figures() });
  const ready = (): Answer => {
    const troubled = performance.now() - troubledAt < TROUBLED_MS;
    const isReady = relay !== undefined && !draining && !troubled;
    const why =
      relay === undefined ? "starting" : draining ? "draining" : troubled ? "trouble with the store" : undefined;
    return json(isReady ? 200 : 503, { ready: isReady, ...(why === undefined ? {} : { why }), ...figures() });
  };
  const figures = () => {
    const { owner, state, buckets, inFlight, published, resting } = relay?.status() ?? {};
    return { owner, state, buckets, inFlight, published, resting: resting?.map(({ topic }) => topic) };
  };

  const door: Door = await openDoor(at, {
    "/healthz": live,
    "/readyz": ready,
    "/metrics": async () => ({ status: 200, contentType: metrics.contentType, body: await metrics.text() }),
  });
  return {
    port: door.port,
    observer: {
      ...metrics.observer,
      trouble: (told) => {
        // Without the log it reads the table: slower to hear of news, and as ready as before.
        if (!isWaybillError(told.error, "WB_POSTGRES_REPLICATION")) troubledAt = performance.now();
        metrics.observer.trouble?.(told);
      },
    },
    started(started) {
      relay = started;
    },
    draining() {
      draining = true;
    },
    close: () => door.close(),
  };
}

function json(status: number, body: object): Answer {
  return { status, contentType: "application/json", body: `${JSON.stringify(body)}\n` };
}
