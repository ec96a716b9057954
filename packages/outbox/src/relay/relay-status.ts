export interface RelayStatus {
  readonly owner: string;
  readonly state: "idle" | "standby" | "active" | "closed";
  /** Of the outbox's 64, those that this relay has: 0 on standby. */
  readonly buckets: number;
  /** Being published this moment. */
  readonly inFlight: number;
  /** In memory, those in flight among them. */
  readonly held: number;
  /** Published since the start. */
  readonly published: number;
  /** Topics of which nothing comes through, since when (milliseconds since the epoch), and the last error. */
  readonly resting: readonly { readonly topic: string; readonly sinceMs: number; readonly error: string }[];
}
