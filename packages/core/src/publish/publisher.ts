import type { RawCloudEvent } from "../events/cloud-event.ts";
import type { Outcome } from "../spi/outcome.ts";

export interface PublishOptions {
  /** Gives up waiting. What had reached the wire may still arrive. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * What the outbox relay, redrive and the sidecar need of a bus: publish events that are complete, with no schema known.
 * One outcome for each event, in the same order; a refused event never fails its neighbours. Rejects only when closed.
 */
export interface Publisher {
  publishRaw(topic: string, events: readonly RawCloudEvent[], options?: PublishOptions): Promise<readonly Outcome[]>;
}
