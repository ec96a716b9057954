import type { Delivery, WireMessage } from "@waybill/core/spi";
import { toMessage } from "./mapping.ts";
import type { BrokerProperties, PulledEvent, PullSource } from "./pull-source.ts";

/** An event under lock, and the source that settles it. */
export class PulledDelivery implements Delivery {
  readonly message: WireMessage;
  readonly deliveryCount: number;
  readonly leaseUntil: Date;
  /** Without the event, which is the reader's of the message alone. */
  readonly raw: BrokerProperties;
  /** Core has it. */
  taken = false;
  readonly source: PullSource;
  #lost: AbortController | undefined;
  #reason: { readonly error: unknown } | undefined;

  constructor({ event, lockToken, deliveryCount }: PulledEvent, source: PullSource, leaseUntil: Date) {
    this.message = toMessage(event, deliveryCount);
    this.deliveryCount = deliveryCount;
    this.leaseUntil = leaseUntil;
    this.raw = { lockToken, deliveryCount };
    this.source = source;
  }

  get token(): string {
    return this.raw.lockToken;
  }

  get lost(): AbortSignal {
    this.#lost ??= new AbortController();
    if (this.#reason !== undefined) this.#lost.abort(this.#reason.error);
    return this.#lost.signal;
  }

  lose(error: unknown): void {
    this.#reason ??= { error };
    this.#lost?.abort(error);
  }
}
