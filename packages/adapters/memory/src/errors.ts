import { defineErrors, type ErrorKind, isWaybillError } from "@waybill/core/spi";

const table = {
  WB_MEMORY_CLOSED: {
    sentence: (p: { what: string }) => `The ${p.what} of the memory adapter is closed.`,
    hint: "Open a new one; adapters that share a broker see what the closed one left.",
  },
  WB_MEMORY_LEASE_LOST: {
    sentence: (p: { id: string }) => `This consumer no longer holds message ${p.id}.`,
    hint: "It is delivered again. Renew the lease in time, and forget what a revoked lane delivered.",
  },
  WB_MEMORY_TOO_LARGE: {
    sentence: (p: { id: string; bytes: number; maxBytes: number }) =>
      `The message ${p.id} takes ${p.bytes} bytes; this broker takes ${p.maxBytes}.`,
    hint: "Send less, or raise limits.maxMessageBytes if the broker you stand in for takes more.",
  },
  WB_MEMORY_BATCH_TOO_LARGE: {
    sentence: (p: { messages: number; bytes: number; maxMessages: number; maxBytes: number }) =>
      `A batch of ${p.messages} messages and ${p.bytes} bytes; this broker takes ${p.maxMessages} and ${p.maxBytes}.`,
    hint: "Split the batch as the sender's capabilities say. Nothing of it was stored.",
  },
  WB_MEMORY_UNSUPPORTED: {
    sentence: (p: { like: string; what: string }) => `A broker like ${p.like} cannot ${p.what}.`,
    hint: "Look at the capabilities before asking.",
  },
  WB_MEMORY_BEHIND: {
    sentence: (p: { id: string }) => `The message ${p.id} was not stored: an earlier one of its key was refused.`,
    hint: "Send it again, behind that one or without it.",
  },
  WB_MEMORY_NO_SUBSCRIPTIONS: {
    sentence: (p: { topic: string; like: string }) =>
      `Nobody is declared to read ${p.topic}, and with ${p.like} the sender must copy to each subscription.`,
    hint: (p: { topic: string }) => `Declare them: memory({ subscriptions: { "${p.topic}": ["…"] } }).`,
  },
  WB_MEMORY_SUBSCRIPTION_UNDECLARED: {
    sentence: (p: { topic: string; subscription: string }) =>
      `${p.topic} declares its subscriptions, and ${p.subscription} is not among them.`,
    hint: (p: { topic: string; subscription: string }) =>
      `Add it: memory({ subscriptions: { "${p.topic}": [..., "${p.subscription}"] } }); publishers copy to the declared ones only.`,
  },
  WB_MEMORY_BROKER_MISMATCH: {
    sentence: (p: { what: string }) => `Adapters that share a memory broker must agree on ${p.what}.`,
    hint: "Give each of them the same `like`, and the clock to createMemoryBroker({ clock }) only.",
  },
  WB_MEMORY_INJECTED: {
    sentence: (p: { kind: ErrorKind; during: string }) => `An injected fault (${p.kind}) during ${p.during}.`,
    hint: "The test asked for it.",
  },
};

/** Every error that the memory broker raises. */
export const memoryErrors: ReturnType<typeof defineErrors<typeof table>> = defineErrors(table);

const kinds: Readonly<Record<string, ErrorKind>> = {
  WB_MEMORY_CLOSED: "closed",
  WB_MEMORY_LEASE_LOST: "lost",
  WB_MEMORY_TOO_LARGE: "too-large",
  WB_MEMORY_BATCH_TOO_LARGE: "too-large",
  WB_MEMORY_UNSUPPORTED: "invalid",
  WB_MEMORY_BEHIND: "transient",
  WB_MEMORY_NO_SUBSCRIPTIONS: "not-found",
  WB_MEMORY_SUBSCRIPTION_UNDECLARED: "not-found",
  WB_MEMORY_BROKER_MISMATCH: "invalid",
};

const injectedKinds = new WeakMap<object, ErrorKind>();

/** A fault that {@link classify} knows the kind of. */
export function injected(kind: ErrorKind, during: string): Error {
  const error = memoryErrors.WB_MEMORY_INJECTED({ kind, during });
  injectedKinds.set(error, kind);
  return error;
}

/** What an error of this adapter means for core. */
export function classify(error: unknown): ErrorKind {
  if (typeof error !== "object" || error === null) return "unknown";
  const chosen = injectedKinds.get(error);
  if (chosen !== undefined) return chosen;
  try {
    if (isWaybillError(error)) return kinds[error.code] ?? "unknown";
    return (error as { name?: unknown }).name === "AbortError" ? "closed" : "unknown";
  } catch {
    // A property that throws when it is read says nothing of the broker.
    return "unknown";
  }
}
