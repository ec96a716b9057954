/** What the inbox remembers of an event: any strings. */
export interface InboxKey {
  readonly topic: string;
  readonly subscription: string;
  readonly source: string;
  readonly id: string;
}

/**
 * The idempotent consumer. `process` runs `work` unless this key has been processed before, and remembers the key together with what
 * `work` did: in one transaction `tx` where there is a database, else by a claimed/done record with a lease.
 *
 * - Resolves `"processed"` once work and record are durable, `"duplicate"` when the key is known (work not called),
 *   `"busy"` when another consumer is at it right now: the delivery is tried again later.
 * - Rejects with what `work` rejected with, after undoing both.
 * - May be called concurrently.
 */
export interface Inbox<Tx = unknown> {
  process(
    key: InboxKey,
    work: (tx: Tx) => Promise<void>,
    signal: AbortSignal,
  ): Promise<"processed" | "duplicate" | "busy">;
}
