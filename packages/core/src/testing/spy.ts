import type { Observer, Seen } from "../observe/observer.ts";

/** What can be waited for. */
export type Happening =
  | "published"
  | "processed"
  | "duplicate"
  | "ignored"
  | "retrying"
  | "deadLettered"
  | "lost"
  | "trouble"
  | "stalled";

export interface SpyRecord {
  readonly what: Happening;
  readonly id: string | undefined;
  readonly at: Readonly<Record<string, unknown>>;
}

/** An observer that remembers, so that tests wait for facts and not for time. */
export interface Spy extends Observer {
  readonly records: readonly SpyRecord[];
  count(what: Happening): number;
  /** Resolves with the first record that matches, past or future. Rejects after `timeoutMs` (default 5 000) with what was seen instead. */
  waitFor(what: Happening, match?: string | ((record: SpyRecord) => boolean), timeoutMs?: number): Promise<SpyRecord>;
  /** Resolves once so many have happened. */
  waitForCount(what: Happening, count: number, timeoutMs?: number): Promise<void>;
}

/** Give it to `createBus({ observers: [spy] })`. */
export function createSpy(): Spy {
  const records: SpyRecord[] = [];
  const counts = new Map<Happening, number>();
  const waiting = new Set<() => void>();

  const note = (what: Happening) => (at: object) => {
    records.push({ what, id: (at as Partial<Seen>).id, at: { ...at } });
    counts.set(what, (counts.get(what) ?? 0) + 1);
    for (const look of [...waiting]) look();
  };
  const count = (what: Happening) => counts.get(what) ?? 0;

  const until = <T>(look: () => T | undefined, wanted: string, timeoutMs: number) =>
    new Promise<T>((resolve, reject) => {
      const check = () => {
        const found = look();
        if (found === undefined) return;
        clearTimeout(timer);
        waiting.delete(check);
        resolve(found);
      };
      const timer = setTimeout(() => {
        waiting.delete(check);
        const seen = [...counts].map(([what, n]) => `${what} ${n}`).join(", ") || "nothing";
        reject(new Error(`Waited ${timeoutMs} ms for ${wanted}; seen: ${seen}.`));
      }, timeoutMs);
      waiting.add(check);
      check();
    });

  return {
    records,
    count,
    waitFor: (what, match = () => true, timeoutMs = 5_000) => {
      const matches = typeof match === "string" ? (record: SpyRecord) => record.id === match : match;
      const look = () => records.find((record) => record.what === what && matches(record));
      return until(look, typeof match === "string" ? `${what} of ${match}` : what, timeoutMs);
    },
    waitForCount: async (what, wanted, timeoutMs = 5_000) => {
      await until(() => (count(what) >= wanted ? true : undefined), `${wanted} × ${what}`, timeoutMs);
    },
    published: note("published"),
    processed: note("processed"),
    duplicate: note("duplicate"),
    ignored: note("ignored"),
    retrying: note("retrying"),
    deadLettered: note("deadLettered"),
    lost: note("lost"),
    trouble: note("trouble"),
    stalled: note("stalled"),
  };
}
