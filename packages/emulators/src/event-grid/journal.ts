import { JournalFile } from "../journal/journal-file.ts";
import type { AcceptedEvent, EventAttributes, EventSchema } from "./events/accepted-event.ts";

/** Where one subscription keeps what waits, over a restart. The numbers are the shelf's own. */
export interface Shelf<T> {
  put(value: T): number;
  change(id: number, value: T): void;
  remove(id: number): void;
  /** In the order in which they were put. */
  all(): readonly { readonly id: number; readonly value: T }[];
  clear(): void;
}

/** What is written of a subscription: its events, and its dead letters that are not written to a blob yet. */
export type ShelfKind = "event" | "dead-letter";

export interface EventGridJournal {
  shelf<T extends { readonly event: AcceptedEvent }>(topic: string, subscription: string, kind: ShelfKind): Shelf<T>;
  /** Makes what was written last; throws when it could not be written. */
  commit(): void;
  close(): void;
}

/** Keeps nothing. */
export const NO_SHELF: Shelf<never> = {
  put: () => 0,
  change: () => undefined,
  remove: () => undefined,
  all: () => [],
  clear: () => undefined,
};

/** Everything is in memory. */
export const NO_JOURNAL: EventGridJournal = {
  shelf: () => NO_SHELF,
  commit: () => undefined,
  close: () => undefined,
};

const SCHEMA = `
CREATE TABLE IF NOT EXISTS shelves (id INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, kept TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS shelves_owner ON shelves (owner, id);
`;

/** Keeps what waits in `event-grid.db` of a folder. Topics and subscriptions come from the configuration, and find it by their names. */
export function openJournal(folder: string): EventGridJournal {
  const file = new JournalFile(folder, "event-grid.db", SCHEMA);
  const put = file.prepare("INSERT INTO shelves (id, owner, kept) VALUES (?, ?, ?)");
  const change = file.prepare("UPDATE shelves SET kept = ? WHERE id = ?");
  const remove = file.prepare("DELETE FROM shelves WHERE id = ?");
  const all = file.prepare("SELECT id, kept FROM shelves WHERE owner = ? ORDER BY id");
  const clear = file.prepare("DELETE FROM shelves WHERE owner = ?");
  const last = file.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'shelves'").get();
  let next = Number(last?.seq ?? 0) + 1;
  return {
    shelf: (topic, subscription, kind) => {
      const owner = `${topic}\n${subscription}\n${kind}`.toLowerCase();
      return {
        put: (value) => {
          const id = next;
          next += 1;
          file.write(() => put.run(id, owner, write(value)));
          return id;
        },
        change: (id, value) => file.write(() => change.run(write(value), id)),
        remove: (id) => file.write(() => remove.run(id)),
        all: () => all.all(owner).map((row) => ({ id: Number(row.id), value: read(String(row.kept)) })),
        clear: () => file.write(() => clear.run(owner)),
      };
    },
    commit: () => file.commit(),
    close: () => file.close(),
  };
}

/** The event's JSON is kept as it is: its attributes are read from it again. */
function write<T extends { readonly event: AcceptedEvent }>(value: T): string {
  const { outputId, schema, json, publishedAt } = value.event;
  return JSON.stringify({ ...value, event: { outputId, schema, json, publishedAt } });
}

function read<T>(text: string): T {
  const value = JSON.parse(text) as { event: { outputId: string; schema: EventSchema; json: string } };
  return { ...value, event: { ...value.event, attributes: JSON.parse(value.event.json) as EventAttributes } } as T;
}
