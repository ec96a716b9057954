import { createHash } from "node:crypto";
import { type Clock, sleep } from "../clock.ts";
import type { Codec } from "../codec/codec.ts";
import { coreErrors } from "../errors/core-errors.ts";
import { noUnknown } from "../errors/no-unknown.ts";
import { redacted } from "../errors/redacted.ts";
import type { WaybillError } from "../errors/waybill-error.ts";
import type { RawCloudEvent } from "../events/cloud-event.ts";
import type { ClaimStore } from "../spi/claim-store.ts";

export interface ClaimCheckOptions {
  /** Where the data goes. The bus closes it. */
  readonly store: ClaimStore;
  /** Larger data is neither stored nor fetched. Each handler at work may hold so much. Default 64 MiB, at most 2^31 − 1. */
  readonly maxBytes?: number;
}

/** The data of a claimed event cannot be had, now or ever. */
export class ClaimLost {
  readonly error: WaybillError;

  constructor(error: WaybillError) {
    this.error = error;
  }
}

const MAX_BYTES = 64 * 1024 * 1024;
const FIRST_WAIT_MS = 50;
const MAX_WAIT_MS = 5_000;
const UNKNOWN_TRIES = 3;

/**
 * Moves the data of an event out to a store, and back. A claimed event has no data, keeps its `datacontenttype`, and says in three extension attributes where
 * its data is (`dataref`, of CloudEvents' own extension), how long it is (`datarefsize`) and what it must be (`datarefsha256`).
 */
export class ClaimCheck {
  readonly #store: ClaimStore;
  readonly #maxBytes: number;
  readonly #codec: Codec;
  readonly #clock: Clock;

  constructor({ store, maxBytes }: Required<ClaimCheckOptions>, codec: Codec, clock: Clock) {
    this.#store = store;
    this.#maxBytes = maxBytes;
    this.#codec = codec;
    this.#clock = clock;
  }

  /**
   * The event with its data in the store; undefined where there is no data to move, or `dataref` is the application's own. Tries again what
   * passes until `signal` aborts, and rejects then, or with WB_CLAIM_CHECK_FAILED or WB_CLAIM_CHECK_TOO_LARGE.
   */
  async checkIn(event: RawCloudEvent, signal: AbortSignal): Promise<RawCloudEvent | undefined> {
    if (event.dataref !== undefined) return undefined;
    const bytes = this.#codec.dataBytes(event);
    if (bytes === null || bytes.length === 0) return undefined;
    const maxBytes = this.#maxBytes;
    if (bytes.length > maxBytes) {
      throw coreErrors.WB_CLAIM_CHECK_TOO_LARGE({ id: event.id, bytes: bytes.length, maxBytes });
    }
    const dataref = await this.#put(event, bytes, signal);
    const { data: _, ...attributes } = event;
    return { ...attributes, dataref, datarefsize: bytes.length, datarefsha256: digest(bytes) } as RawCloudEvent;
  }

  /**
   * The event as it was published. Throws {@link ClaimLost} when its data is gone, changed, too large or in another store; rejects with
   * WB_CLAIM_CHECK_FAILED when the store cannot be read just now.
   */
  async checkOut(event: RawCloudEvent, signal: AbortSignal): Promise<RawCloudEvent> {
    const { dataref, datarefsize, datarefsha256, data: _, ...attributes } = event;
    const store = this.#store.name;
    const lost = (problem: string) => new ClaimLost(coreErrors.WB_CLAIM_CHECK_LOST({ id: event.id, store, problem }));
    if (typeof dataref !== "string" || !this.#store.owns(dataref)) throw lost("its dataref is none of this store's");
    const size = Number(datarefsize);
    if (!Number.isInteger(size) || size < 1) throw lost("its datarefsize is no length");
    if (size > this.#maxBytes) throw lost(`its ${size} bytes are more than the ${this.#maxBytes} allowed`);
    let bytes: Uint8Array | undefined;
    try {
      bytes = await this.#store.get(dataref, size, signal);
    } catch (error) {
      const problem = redacted(error);
      throw coreErrors.WB_CLAIM_CHECK_FAILED({ id: event.id, store, doing: "read from", problem }, error);
    }
    if (bytes === undefined) throw lost("nothing is there any more");
    if (bytes.length !== size || digest(bytes) !== datarefsha256) throw lost("what is there is not what was stored");
    return { ...attributes, data: this.#codec.dataOf(bytes, event.datacontenttype) } as RawCloudEvent;
  }

  owns(event: RawCloudEvent): boolean {
    return typeof event.dataref === "string" && this.#store.owns(event.dataref);
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async #put(event: RawCloudEvent, bytes: Uint8Array, signal: AbortSignal): Promise<string> {
    let unknown = 0;
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, MAX_WAIT_MS)) {
      signal.throwIfAborted();
      try {
        return await this.#store.put(bytes, { contentType: event.datacontenttype }, signal);
      } catch (error) {
        const kind = this.#store.classify(error);
        if (kind === "unknown") unknown++;
        const passes = kind === "transient" || kind === "throttled" || (kind === "unknown" && unknown < UNKNOWN_TRIES);
        if (!passes || signal.aborted) {
          const values = { id: event.id, store: this.#store.name, doing: "written to", problem: redacted(error) };
          throw coreErrors.WB_CLAIM_CHECK_FAILED(values, error);
        }
        await sleep(this.#clock, waitMs, signal);
      }
    }
  }
}

/** Refuses wrong options with WB_OPTION_INVALID. */
export function openClaimCheck(options: ClaimCheckOptions, codec: Codec, clock: Clock): ClaimCheck {
  noUnknown("claimCheck option", options, ["store", "maxBytes"]);
  const { store, maxBytes = MAX_BYTES } = options;
  if (typeof store?.put !== "function" || typeof store.owns !== "function") {
    throw coreErrors.WB_OPTION_INVALID({ option: "claimCheck.store", problem: "must be a claim store" });
  }
  if (!Number.isInteger(maxBytes) || maxBytes < 1 || maxBytes > 2_147_483_647) {
    throw coreErrors.WB_OPTION_INVALID({ option: "claimCheck.maxBytes", problem: "must be from 1 to 2147483647" });
  }
  return new ClaimCheck({ store, maxBytes }, codec, clock);
}

/** An event whose data a claim check has moved out. One whose `dataref` a foreign producer wrote by itself is none: it is the handler's to read. */
export function isClaimed(event: RawCloudEvent): boolean {
  if (event.dataref === undefined || event.datarefsha256 === undefined) return false;
  const { data } = event;
  // A broker that has no message without a body gives an empty one.
  return data === undefined || data === "" || (data instanceof Uint8Array && data.length === 0);
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
