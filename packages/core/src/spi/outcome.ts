/** The answer for one message or delivery of a batch. A failure carries the error as the SDK gave it; `classify` reads it. */
export type Outcome<T = undefined> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: unknown };

/** The shared success without a value. */
export const done: Outcome = Object.freeze({ ok: true, value: undefined });

/** What an error means for core: whether to try again, slow down, give up or forget the lease. */
export type ErrorKind =
  /** Passes by itself: network, a leader election, a server restart. Tried again with backoff. */
  | "transient"
  /** The broker asks for less. Tried again, slower. */
  | "throttled"
  /** The lease, lock, session, partition or receipt is gone: the broker will deliver again. Not a failure of the handler. */
  | "lost"
  | "unauthorized"
  | "not-found"
  | "too-large"
  /** The broker will never take this. */
  | "invalid"
  /** Our own side has been closed. */
  | "closed"
  | "unknown";
