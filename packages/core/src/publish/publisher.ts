import type { RawCloudEvent } from "../events/cloud-event.ts";
import type { Outcome } from "../spi/outcome.ts";

export interface PublishOptions {
  /** Gives up waiting. What had reached the wire may still arrive. */
  readonly signal?: AbortSignal | undefined;
  /** Once an event is refused, later ones of its key in this call are refused too and not sent: they would overtake its next try. Default false. */
  readonly stopKeys?: boolean | undefined;
}

/**
 * What the outbox relay, redrive and the sidecar need of a bus: publish events that are complete, with no schema known.
 * One outcome for each event, in the same order; a refused event never fails its neighbours. Rejects only when closed.
 */
export interface Publisher {
  publishRaw(topic: string, events: readonly RawCloudEvent[], options?: PublishOptions): Promise<readonly Outcome[]>;
  /** True once it is known that calls with `stopKeys` cost this topic no more than others: many events of one key may then be given at once. */
  stopsKeys?(topic: string): boolean;
}
