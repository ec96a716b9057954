import type { Delivery, OutboundMessage, Outcome, Sender, Want } from "@waybill/core/spi";
import { expect } from "vitest";

/** For calls that nobody gives up. */
export const never: AbortSignal = new AbortController().signal;

/** As much as there is, unless told otherwise. */
export const want = (more: Partial<Want> = {}): Want => ({
  max: 100,
  maxBytes: 64 * 1024 * 1024,
  pausedLanes: new Set<string>(),
  ...more,
});

/** Sends, and expects that each was taken. */
export async function sent(sender: Sender, messages: readonly OutboundMessage[]): Promise<void> {
  const outcomes = await sender.send(messages, never);
  expect(outcomes.filter((outcome) => !outcome.ok)).toEqual([]);
  expect(outcomes).toHaveLength(messages.length);
}

export const acks = (...deliveries: readonly Delivery[]) =>
  deliveries.map((delivery) => ({ delivery, kind: "ack" as const }));

export const errorOf = (outcome: Outcome<unknown> | undefined) => (outcome?.ok === false ? outcome.error : undefined);

export const thrown = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => "no error",
    (error: unknown) => error,
  );
