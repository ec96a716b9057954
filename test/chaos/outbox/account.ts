import type { Arrival } from "./log.ts";

/** An event as the database has it: its business row, which was committed with it. */
export type Entry = Pick<Arrival, "id" | "name" | "version">;

/** What the broker got, held against what was committed and what the consumer did with it. */
export interface Account {
  readonly committed: number;
  readonly lost: number;
  /** Events that were rolled back, or never written, and published all the same. */
  readonly neverCommitted: number;
  /** Events whose first arrival came after that of a later event of their key. */
  readonly outOfOrder: number;
  /** Arrivals of events that had arrived before. */
  readonly duplicates: number;
  /** Of them, those that came when a later event of their key was there already. */
  readonly staleDuplicates: number;
  /** Events whose effect is not there. */
  readonly effectsMissing: number;
  /** Effects beyond the first of their event. */
  readonly effectsTwice: number;
}

export function account(
  entries: readonly Entry[],
  arrivals: Iterable<Entry>,
  effects: readonly Pick<Entry, "id">[],
): Account {
  const committed = new Map(entries.map((entry) => [entry.id, entry]));
  const arrived = new Set<string>();
  const newest = new Map<string, number>();
  let neverCommitted = 0;
  let outOfOrder = 0;
  let duplicates = 0;
  let staleDuplicates = 0;
  for (const { id, name, version } of arrivals) {
    if (arrived.has(id)) {
      duplicates++;
      if (version < newest.get(name)!) staleDuplicates++;
      continue;
    }
    arrived.add(id);
    const entry = committed.get(id);
    if (entry?.name !== name || entry.version !== version) neverCommitted++;
    if (version < (newest.get(name) ?? 0)) outOfOrder++;
    else newest.set(name, version);
  }
  const done = new Set(effects.map(({ id }) => id));
  return {
    committed: committed.size,
    lost: entries.filter(({ id }) => !arrived.has(id)).length,
    neverCommitted,
    outOfOrder,
    duplicates,
    staleDuplicates,
    effectsMissing: entries.filter(({ id }) => !done.has(id)).length,
    effectsTwice: effects.length - done.size,
  };
}

/** A sentence for each number that must be 0. */
export function problemsOf(account: Account, expected: number): readonly string[] {
  const { committed, lost, neverCommitted, outOfOrder, effectsMissing, effectsTwice } = account;
  const wrong: [number, string][] = [
    [expected - committed, "committed events are not in the database"],
    [lost, "committed events were not published"],
    [neverCommitted, "events were published that were never committed"],
    [outOfOrder, "events came after a later one of their key"],
    [effectsMissing, "events have had no effect"],
    [effectsTwice, "effects are there twice"],
  ];
  return wrong.filter(([count]) => count !== 0).map(([count, what]) => `${count} ${what}`);
}
