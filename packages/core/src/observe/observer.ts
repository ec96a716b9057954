import type { Backlog } from "../spi/adapter.ts";
import type { DeadLetterReason } from "../spi/delivery.ts";
import { ignoreRejection } from "./ignore-rejection.ts";

/** Where something happened. */
export interface Place {
  readonly topic: string;
  readonly subscription: string;
}

/** One event at one place. `id` is the event's id; for what is no event, the broker's. */
export interface Seen extends Place {
  readonly id: string;
  readonly type?: string | undefined;
  readonly attempt: number;
}

/**
 * What the library tells whoever watches: logs, metrics, tests. All optional, called synchronously on the path of every event, so they must be cheap; what one
 * throws, or rejects with, is swallowed. Errors carry no secrets and events no data.
 */
export interface Observer {
  published?(at: { topic: string; id: string }): void;
  publishFailed?(at: { topic: string; id: string; error: unknown }): void;
  received?(at: Place & { count: number }): void;
  /** The handler is done; the ack is on its way. */
  processed?(at: Seen): void;
  /** The inbox knew it. */
  duplicate?(at: Seen): void;
  /** A type that the topic's definition does not have, acked. */
  ignored?(at: Seen): void;
  /** A try failed; another comes after `delayMs`. */
  retrying?(at: Seen & { error: unknown; delayMs: number; way: "in-place" | "release" | "copy" }): void;
  deadLettered?(at: Seen & { reason: DeadLetterReason }): void;
  /** The broker will deliver it again. */
  lost?(at: Place & { id: string; reason: unknown }): void;
  /** Trouble that the library handles itself: a receive, renewal, settlement or dead letter that failed and is tried again. */
  trouble?(at: Place & { error: unknown }): void;
  /** Nothing arrives although the broker says that events wait. */
  stalled?(at: Place & { backlog: Backlog }): void;
}

const HOOKS = [
  "published",
  "publishFailed",
  "received",
  "processed",
  "duplicate",
  "ignored",
  "retrying",
  "deadLettered",
  "lost",
  "trouble",
  "stalled",
] as const satisfies readonly (keyof Observer)[];

/** Calls the same hook of several observers; one that throws does not stop the others. */
export function combineObservers(observers: readonly Observer[]): Observer {
  const combined: Partial<Record<keyof Observer, (at: unknown) => void>> = {};
  for (const hook of HOOKS) {
    const listeners = observers.filter((one) => one[hook] !== undefined);
    if (listeners.length === 0) continue;
    combined[hook] = (at) => {
      for (const one of listeners) {
        try {
          ignoreRejection((one[hook] as (at: unknown) => unknown).call(one, at));
        } catch {
          // A watcher's own error must not become the event's.
        }
      }
    };
  }
  return combined as Observer;
}
