import type { Publisher, RetryOptions } from "@waybill/core";
import type { Clock } from "@waybill/core/spi";
import type { Store } from "../store.ts";
import type { RelayObserver } from "./relay-observer.ts";

export interface RelaySettings {
  readonly store: Pick<Store, "feed">;
  readonly publisher: Publisher;
  readonly owner: string;
  readonly batch: number;
  readonly concurrency: number;
  readonly leaseMs: number;
  readonly pollMs: number | undefined;
  readonly markMs: number;
  readonly maxRestMs: number;
  readonly retry: Required<Omit<RetryOptions, "inPlaceMs">>;
  readonly isPermanent: (error: unknown) => boolean;
  readonly haltKey: boolean;
  readonly pace: (() => boolean | Promise<boolean>) | undefined;
  readonly keepSentMs: number;
  readonly clock: Clock;
  readonly observer: RelayObserver | undefined;
}
