import type { Publisher, RawCloudEvent } from "@waybill/core";
import { type Clock, type Outcome, redacted, retryDelayMs } from "@waybill/core/spi";
import { readEventText } from "../event-text.ts";
import type { Failure, OutboxRow, PublishedRow } from "../store.ts";
import type { Held } from "./held.ts";
import type { safeObserver } from "./relay-observer.ts";
import type { RelaySettings } from "./relay-settings.ts";
import type { Rests } from "./rests.ts";
import { isUnreachable } from "./unreachable.ts";
import type { Window } from "./window.ts";

/** What became of a row that was tried; those behind it follow from it. */
export type OwnFailure = Exclude<Failure, { kind: "behind" }>;

export interface PublishingParts {
  readonly settings: Pick<RelaySettings, "batch" | "concurrency" | "retry" | "isPermanent" | "haltKey"> & {
    readonly publisher: Publisher;
    readonly clock: Clock;
  };
  readonly window: Window;
  readonly held: Held;
  readonly rests: Rests;
  readonly tell: ReturnType<typeof safeObserver>;
  /** False once the relay stops or holds nothing: no new call is made. */
  readonly mayStart: () => boolean;
  readonly isLeased: (bucket: number) => boolean;
  readonly onPublished: (row: PublishedRow) => void;
  /** A row was put back in the store by being forgotten: it must be read again. */
  readonly onForgotten: () => void;
  /** A call has ended. */
  readonly onEnd: () => void;
}

/** The calls of the publisher: as many at once as allowed, never two with one key at once, and the verdict on each row that was refused. */
export class Publishing {
  readonly #parts: PublishingParts;
  readonly #calls = new Set<Promise<void>>();
  readonly #abort = new AbortController();
  #failures: OwnFailure[] = [];
  #inFlight = 0;
  #published = 0;

  constructor(parts: PublishingParts) {
    this.#parts = parts;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get published(): number {
    return this.#published;
  }

  /** Makes calls for what is ready. */
  pump(): void {
    const { settings, window, mayStart, onEnd } = this.#parts;
    const { batch, publisher } = settings;
    const maxOfKey = (topic: string) => (publisher.stopsKeys?.(topic) ? batch : 1);
    while (this.#calls.size < settings.concurrency && mayStart()) {
      const rows = window.take(batch, maxOfKey);
      if (rows.length === 0) return;
      const call = this.#publish(rows);
      this.#calls.add(call);
      void call.finally(() => {
        this.#calls.delete(call);
        this.pump();
        onEnd();
      });
    }
  }

  /** Rows that must be moved in the store before their keys can go on. Calls that are answered later begin a new list. */
  takeFailures(): readonly OwnFailure[] {
    const failures = this.#failures;
    this.#failures = [];
    return failures;
  }

  /** They could not be moved. */
  putBack(failures: readonly OwnFailure[]): void {
    this.#failures = [...failures, ...this.#failures];
  }

  /** Forgets the failures of rows that another relay may have by now. */
  forgetFailures(matches: (row: OutboxRow) => boolean): void {
    const { window, held } = this.#parts;
    for (const { row } of this.#failures) if (matches(row)) held.drop(window.dropKey(row));
    this.#failures = this.#failures.filter(({ row }) => !matches(row));
  }

  /** Resolves when no call is in flight. */
  async settled(): Promise<void> {
    while (this.#calls.size > 0) await Promise.all(this.#calls);
  }

  /** Tells the calls in flight to end. */
  abort(): void {
    this.#abort.abort();
  }

  async #publish(rows: readonly OutboxRow[]): Promise<void> {
    const { settings, window, held } = this.#parts;
    const topic = rows[0]!.topic;
    const { readable, events } = this.#read(rows);
    if (readable.length === 0) return;
    this.#inFlight += readable.length;
    try {
      const outcomes = await settings.publisher.publishRaw(topic, events, {
        signal: this.#abort.signal,
        stopKeys: true,
      });
      this.#answered(topic, readable, outcomes);
    } catch (error) {
      // Not a word about any one event: the publisher is closed, or does not know the topic.
      for (const row of readable) held.drop(window.dropKey(row));
      this.#rest(topic, error);
    } finally {
      this.#inFlight -= readable.length;
    }
  }

  /** Their events. A row that holds none is given up here: it must not keep the others of its topic. */
  #read(rows: readonly OutboxRow[]): { readable: readonly OutboxRow[]; events: readonly RawCloudEvent[] } {
    const readable: OutboxRow[] = [];
    const events: RawCloudEvent[] = [];
    const stopped = new Set<string>();
    for (const row of rows) {
      if (row.key !== undefined && stopped.has(row.key)) {
        this.#parts.window.giveBack(row);
        continue;
      }
      try {
        events.push(readEventText(row.event));
        readable.push(row);
      } catch (error) {
        if (row.key !== undefined) stopped.add(row.key);
        // Behind an earlier one that is about to be published it waits for its turn.
        if (row.key !== undefined && readable.some(({ key }) => key === row.key)) this.#parts.window.giveBack(row);
        else this.#bury(row, row.attempts + 1, "undecodable", error);
      }
    }
    return { readable, events };
  }

  #answered(topic: string, rows: readonly OutboxRow[], outcomes: readonly Outcome[]): void {
    const { window, rests, tell, onPublished } = this.#parts;
    const refused: { row: OutboxRow; error: unknown }[] = [];
    const stopped = new Set<string>();
    let published = 0;
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      const outcome = outcomes[i];
      if (outcome?.ok) {
        published++;
        window.finish(row);
        onPublished(row);
      } else if (row.key !== undefined && stopped.has(row.key)) {
        // Refused because of the one before it: it waits behind that.
        window.giveBack(row);
      } else {
        if (row.key !== undefined) stopped.add(row.key);
        refused.push({ row, error: outcome?.error ?? new Error("The publisher gave no outcome for it.") });
      }
    }
    if (published > 0) {
      this.#published += published;
      tell("published", { topic, count: published });
      rests.over(topic);
    }
    if (refused.length > 0) this.#judge(topic, published === 0, refused);
  }

  /** Whose fault was it: the row's, the broker's, or nobody's to say any more? */
  #judge(topic: string, isAll: boolean, refused: readonly { row: OutboxRow; error: unknown }[]): void {
    const { settings, window, held, rests, isLeased, onForgotten } = this.#parts;
    const ownFault =
      !isAll ||
      // A whole call refused says nothing of its events, unless each has failed before.
      (!refused.some(({ error }) => isUnreachable(error)) &&
        (refused.every(({ row }) => row.attempts > 0 || rests.refused.isBlamed(row)) ||
          (refused.length === 1 && rests.blames(topic, refused[0]!.row.position))));
    let outage: { error: unknown } | undefined;
    for (const { row, error } of refused) {
      if (!isLeased(row.bucket) || this.#abort.signal.aborted) {
        // Who was frozen past its lease leaves its failures to the relay that has it now.
        held.drop(window.dropKey(row));
        onForgotten();
      } else if (settings.isPermanent(error)) this.#bury(row, row.attempts + 1, "refused", error);
      else if (ownFault) this.#failed(row, error);
      else {
        outage ??= { error };
        if (!isUnreachable(error)) rests.refused.add(row);
        held.drop(window.dropKey(row));
      }
    }
    if (outage !== undefined) this.#rest(topic, outage.error);
  }

  #failed(row: OutboxRow, error: unknown): void {
    const { settings, tell } = this.#parts;
    const attempts = row.attempts + 1;
    if (attempts >= settings.retry.attempts) {
      this.#bury(row, attempts, "publish-failed", error);
      return;
    }
    const delayMs = retryDelayMs({ ...settings.retry, inPlaceMs: 0 }, attempts, Math.random);
    this.#failures.push({ kind: "retry", row, attempts, delayMs, error: redacted(error) });
    tell("retrying", { row, attempts, delayMs, error });
  }

  #bury(row: OutboxRow, attempts: number, reason: string, error: unknown): void {
    const { settings, tell } = this.#parts;
    this.#failures.push({
      kind: "dead",
      row,
      attempts,
      reason,
      error: redacted(error),
      haltsKey: settings.haltKey,
    });
    tell("dead", { row, attempts, reason, error });
  }

  /** The topic's rows go back where they are, until the rewind at the end of its rest. */
  #rest(topic: string, error: unknown): void {
    const { window, held, rests, tell } = this.#parts;
    held.drop(window.dropIdle((row) => row.topic === topic));
    const delayMs = rests.begin(topic, error);
    if (delayMs !== undefined) tell("resting", { topic, delayMs, error });
  }
}
