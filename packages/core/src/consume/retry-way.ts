import type { ReceiverCapabilities, SenderCapabilities } from "../spi/capabilities.ts";

/** How a failed event gets its next attempt. */
export type RetryWay =
  /** Here, under its lease, its key waiting. */
  | { readonly kind: "in-place" }
  /** Given back; the broker delivers it again after `delayMs`. */
  | { readonly kind: "release"; readonly delayMs: number }
  /** A delayed copy to where only this subscription reads, then the original is acked. */
  | { readonly kind: "copy" };

export interface RetrySituation {
  readonly delayMs: number;
  readonly ordered: boolean;
  readonly inPlaceMs: number;
  readonly receiver: ReceiverCapabilities;
  /** Of `returnTo`, where there is one. */
  readonly returnSender: SenderCapabilities | undefined;
  /** What is left of a lease that cannot be renewed; undefined where there is none or it can. */
  readonly leaseLeftMs: number | undefined;
}

/**
 * Ordered: always in place, for anything else would let later events of the key pass. Unordered: short waits in place, longer ones by release, else by a
 * scheduled copy, else in place. A lease that would end before the wait does rules "in place" out.
 */
export function chooseRetryWay(situation: RetrySituation): RetryWay {
  const { delayMs, ordered, inPlaceMs, receiver, returnSender, leaseLeftMs } = situation;
  const inPlace = { kind: "in-place" } as const;
  if (ordered) return inPlace;
  const leaseHolds = leaseLeftMs === undefined || delayMs < leaseLeftMs / 2;
  if (delayMs <= inPlaceMs && leaseHolds) return inPlace;
  const released = releaseDelay(receiver.release, delayMs);
  if (released !== undefined) return { kind: "release", delayMs: released };
  if (returnSender !== undefined && returnSender.schedule !== false && returnSender.schedule.maxDelayMs >= delayMs) {
    return { kind: "copy" };
  }
  if (leaseHolds || receiver.release === false) return inPlace;
  return { kind: "release", delayMs: 0 };
}

/** The delay that the broker will really keep, or undefined where it cannot wait about so long. */
function releaseDelay(release: ReceiverCapabilities["release"], delayMs: number): number | undefined {
  if (release === false || release === "now" || release === "broker") return undefined;
  if ("maxDelayMs" in release) return Math.min(delayMs, release.maxDelayMs);
  return release.stepsMs.find((step) => step >= delayMs) ?? release.stepsMs.at(-1);
}
