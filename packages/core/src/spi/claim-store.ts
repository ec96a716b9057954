import type { ErrorKind } from "./outcome.ts";

/**
 * Where the data of events lies that are too large for a broker. What was put stays until whoever owns the place removes it: several subscriptions,
 * retries, dead letters and redrives read the same data, so nobody here can know that it is done with. Calls may overlap.
 */
export interface ClaimStore {
  /** For messages: the kind of store and where it is, without secrets. */
  readonly name: string;
  /** Keeps the bytes and answers a reference to them, a URI that stays good in every process that opens the same place. Durable when it resolves. */
  put(data: Uint8Array, about: { readonly contentType: string | undefined }, signal: AbortSignal): Promise<string>;
  /** True for a reference that `put` of the same place could have made; pure and total. A reference comes off the wire and may be hostile. */
  owns(reference: string): boolean;
  /** The bytes, at most `maxBytes + 1` of them, or undefined where there are none any more. Called with references that it owns only, and must reach nothing else by them. */
  get(reference: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined>;
  /** Pure; never throws. */
  classify(error: unknown): ErrorKind;
  close(): Promise<void>;
}
