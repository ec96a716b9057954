import assert from "node:assert/strict";
import type { Adapter, Outcome } from "@waybill/core/spi";

export function assertOk<T>(outcome: Outcome<T> | undefined, what: string): asserts outcome is { ok: true; value: T } {
  assert.ok(outcome !== undefined, `${what}: there is an outcome`);
  if (!outcome.ok) throw new Error(`${what}, but it failed: ${String(outcome.error)}`, { cause: outcome.error });
}

/** The outcome is a failure of one of these kinds. */
export function assertKind(
  adapter: Adapter,
  outcome: Outcome<unknown> | undefined,
  kinds: string[],
  what: string,
): void {
  assert.ok(outcome !== undefined, `${what}: there is an outcome`);
  assert.equal(outcome.ok, false, `${what}: it fails`);
  const { error } = outcome as { error: unknown };
  const kind = adapter.classify(error);
  assert.ok(kinds.includes(kind), `${what}: its kind is ${kinds.join(" or ")}, not ${kind} (${String(error)})`);
}
