/**
 * Where a delivery stands.
 *
 * - `blocked`: behind an earlier event of its key. → `ready` when that one is finished.
 * - `ready`: waits for a free handler. → `running`
 * - `running`: its handler is at work, or its dead letter is being written. → `parked`, `finished`
 * - `parked`: waits for its next attempt in this process; its key waits with it. → `ready`
 * - `finished`: nothing more to do but to settle it.
 * - `gone`: the lease is lost or it was given back: whatever still happens to it must not be told to the broker.
 */
export type WorkState = "blocked" | "ready" | "running" | "parked" | "finished" | "gone";
