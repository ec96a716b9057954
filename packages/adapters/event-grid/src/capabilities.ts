import type { ReceiverCapabilities, SenderCapabilities } from "@waybill/core/spi";

/** Of one request, and so of one event: the service's 1 MB. */
const MAX_REQUEST_BYTES = 1_048_576;
/** What stands around the events of a request beside their commas. */
const ARRAY_BYTES = 1;
/** Events of one request to a namespace topic, and to a custom topic or a domain. */
const MAX_EVENTS = { namespace: 1_000, custom: 5_000, domain: 5_000 } as const;
/** Events of one receive call, and lock tokens of one settling call. */
export const MAX_PER_CALL = 100;
/** Events of one request to a webhook. */
const MAX_PUSHED = 5_000;
/** What a release can ask for, in milliseconds. */
export const RELEASE_STEPS_MS: readonly number[] = [0, 10_000, 60_000, 600_000, 3_600_000];

export type Kind = keyof typeof MAX_EVENTS;

export function senderCapabilities(kind: Kind): SenderCapabilities {
  return {
    schedule: false,
    headers: false,
    fanOut: true,
    dedupe: false,
    // There is no order to change.
    overlap: true,
    maxSendBatch: MAX_EVENTS[kind],
    maxSendBatchBytes: MAX_REQUEST_BYTES - ARRAY_BYTES,
    maxMessageBytes: MAX_REQUEST_BYTES - ARRAY_BYTES,
  };
}

/** `rejects`: the event subscription is known to have a dead-letter destination. */
export function pullCapabilities(lockMs: number, rejects: boolean): ReceiverCapabilities {
  return {
    settle: "each",
    order: "none",
    lease: { ms: lockMs, renewable: true },
    release: { stepsMs: RELEASE_STEPS_MS },
    reject: rejects,
    settleCost: "io",
    maxReceiveBatch: MAX_PER_CALL,
  };
}

/** `deadPlace`: copies of what is given up can be sent somewhere. The lease is the patience of a request. Batches: the answer is for all of a request, so an event that was acked comes again with a neighbour that was not. */
export function pushCapabilities(patienceMs: number, deadPlace: boolean): ReceiverCapabilities {
  return {
    settle: "each",
    order: "none",
    lease: { ms: patienceMs, renewable: false },
    release: "broker",
    reject: false,
    ...(deadPlace ? {} : { deadPlace }),
    settleCost: "cheap",
    maxReceiveBatch: MAX_PUSHED,
  };
}
