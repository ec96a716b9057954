import type { Inbox, InboxKey } from "@waybill/core";
import type { Store } from "../store.ts";

/** What became of one event of a batch. `failed` has what its work threw, alone. */
export type BatchOutcome =
  | { readonly kind: "processed" | "duplicate" | "busy" }
  | { readonly kind: "failed"; readonly error: unknown };

type Work<Tx, Item> = (tx: Tx, fresh: readonly Item[]) => Promise<void>;

/** Not all were new: undone, nothing is known. */
class SomeKnown extends Error {}

/**
 * Records the events of a batch in one statement, runs `work` once for those that are new, and commits both. When that fails, each is
 * tried by itself, so that one bad event costs no other: `work` is called again then, with one event a time. Rejects only when `signal` aborts.
 */
export async function processBatch<Tx, Item extends { readonly key: InboxKey }>(
  store: Pick<Store<Tx>, "transaction" | "inbox">,
  inbox: Pick<Inbox<Tx>, "process">,
  items: readonly Item[],
  work: Work<Tx, Item>,
  signal: AbortSignal,
): Promise<readonly BatchOutcome[]> {
  signal.throwIfAborted();
  const once = new Map<string, Item>();
  for (const item of items) {
    const name = nameOf(item.key);
    if (!once.has(name)) once.set(name, item);
  }
  const unique = [...once.values()];
  const outcomes = new Map<Item, BatchOutcome>();
  const together = async (fresh: readonly Item[]) => {
    if (fresh.length > 0 && !(await inOneCommit(store, fresh, work, signal))) return false;
    for (const item of fresh) outcomes.set(item, { kind: "processed" });
    return true;
  };
  let fresh: readonly Item[] = unique;
  try {
    let isDone = await together(fresh);
    if (!isDone) {
      const known = await store.inbox.known(unique.map(({ key }) => key));
      fresh = unique.filter((_, i) => !known[i]);
      isDone = await together(fresh);
      if (isDone) for (const item of unique) if (!outcomes.has(item)) outcomes.set(item, { kind: "duplicate" });
    }
    if (!isDone) await oneByOne(inbox, unique, work, outcomes, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    await oneByOne(inbox, unique, work, outcomes, signal);
  }
  return items.map((item) => {
    const first = once.get(nameOf(item.key))!;
    const outcome = outcomes.get(first)!;
    return item !== first && outcome.kind === "processed" ? { kind: "duplicate" } : outcome;
  });
}

/** False when one of them was there already, and then nothing has happened. */
async function inOneCommit<Tx, Item extends { readonly key: InboxKey }>(
  store: Pick<Store<Tx>, "transaction" | "inbox">,
  fresh: readonly Item[],
  work: Work<Tx, Item>,
  signal: AbortSignal,
): Promise<boolean> {
  const keys = fresh.map(({ key }) => key);
  try {
    await store.transaction(
      async (tx) => {
        if (!(await store.inbox.addAll(tx, keys))) throw new SomeKnown();
        await work(tx, fresh);
      },
      { signal },
    );
    return true;
  } catch (error) {
    if (error instanceof SomeKnown) return false;
    throw error;
  }
}

async function oneByOne<Tx, Item extends { readonly key: InboxKey }>(
  inbox: Pick<Inbox<Tx>, "process">,
  items: readonly Item[],
  work: Work<Tx, Item>,
  outcomes: Map<Item, BatchOutcome>,
  signal: AbortSignal,
): Promise<void> {
  for (const item of items) {
    try {
      outcomes.set(item, { kind: await inbox.process(item.key, (tx) => work(tx, [item]), signal) });
    } catch (error) {
      if (signal.aborted) throw error;
      outcomes.set(item, { kind: "failed", error });
    }
  }
}

function nameOf({ topic, subscription, source, id }: InboxKey): string {
  return JSON.stringify([topic, subscription, source, id]);
}
