import type { ClaimOptions, OutboxRow } from "../../store.ts";

/** Rows of one claim, up to its limits. */
export class Basket {
  readonly rows: OutboxRow[] = [];
  readonly #options: ClaimOptions;
  #bytes = 0;

  constructor(options: ClaimOptions) {
    this.#options = options;
  }

  get isFull(): boolean {
    return this.rows.length >= this.#options.max || this.#bytes >= this.#options.maxBytes;
  }

  /** Leaves out what the relay holds, and topics that rest. */
  offer(row: RawRow, parked: boolean, attempts = 0): void {
    const [position, bucket, topic, key, event] = row;
    if (event === null || this.#options.skip.has(position)) return;
    this.rows.push({
      position,
      bucket,
      topic,
      key: key === null ? undefined : key.toString("utf8"),
      event: event.toString("utf8"),
      attempts,
      parked,
      behind: false,
    });
    this.#bytes += event.length;
  }
}

/** `pos, bucket, topic, msg_key, event`; the event is NULL where the row is only looked at. */
export type RawRow = readonly [
  position: number,
  bucket: number,
  topic: string,
  key: Buffer | null,
  event: Buffer | null,
];
