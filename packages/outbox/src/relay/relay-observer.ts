import { ignoreRejection } from "@waybill/core/spi";
import type { PublishedRow } from "../store.ts";

/** What a relay tells whoever watches. All optional, called synchronously; what one throws, or rejects with, is swallowed. */
export interface RelayObserver {
  /** The broker has taken them. */
  published?(at: { topic: string; count: number }): void;
  /** A try failed; another comes after `delayMs`. */
  retrying?(at: { row: PublishedRow; attempts: number; delayMs: number; error: unknown }): void;
  /** Given up: now among the dead events of the outbox. */
  dead?(at: { row: PublishedRow; attempts: number; reason: string; error: unknown }): void;
  /** Nothing of a topic could be published: it rests for `delayMs` and its events stay where they are. */
  resting?(at: { topic: string; delayMs: number; error: unknown }): void;
  /** This relay took over part of the outbox, or gave it up: so many of its 64 buckets it has now. */
  lease?(at: { owner: string; held: boolean; buckets: number }): void;
  /** Trouble with the store that the relay handles itself by trying again. */
  trouble?(at: { error: unknown }): void;
}

/** The observer with every hook safe to call. */
export function safeObserver(
  observer: RelayObserver | undefined,
): <Hook extends keyof RelayObserver>(hook: Hook, at: Parameters<NonNullable<RelayObserver[Hook]>>[0]) => void {
  return (hook, at) => {
    try {
      ignoreRejection((observer?.[hook] as ((at: unknown) => unknown) | undefined)?.call(observer, at));
    } catch {
      // A watcher's own error must not stop the relay.
    }
  };
}
