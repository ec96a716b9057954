import type { OutboxRow } from "../../store.ts";
import { copyRows, type Read, type ReadRow } from "./copy-rows.ts";
import {
  type After,
  FETCH,
  fetchText,
  LATE,
  literals,
  longText,
  type Only,
  PARAMETERS,
  STRETCH,
  startText,
} from "./fetch-text.ts";
import type { Line } from "./line.ts";
import type { Tables } from "./tables.ts";

/** Rows, and what the server says beside them in the same snapshot. */
export interface Reading {
  /** In order of position. */
  readonly rows: readonly ReadRow[];
  /** There may be more right behind. */
  readonly goOn: boolean;
  /** Some key has a parked or halting event. */
  readonly anyHeld: boolean;
  /** Until the next parked or scheduled event is due; infinite where there is none. */
  readonly untilDueMs: number;
}

export interface Filter {
  /** `undefined`: all. */
  readonly buckets: ReadonlySet<number> | undefined;
  readonly exceptTopics: ReadonlySet<string>;
}

/** Which transactions were over at one moment: those below xmax that are not among the open ones (xip). */
export interface Snapshot {
  readonly xmin: string;
  readonly xmax: string;
  readonly xip: readonly string[];
}

/** How far it has read: all rows up to `last` that were visible in the snapshot. */
type Place = Snapshot & After;

/**
 * Reads each row of the outbox once, whenever its transaction commits, without waiting for any.
 *
 * Positions are taken before commits, so a row may appear below `last`. What was not visible in a snapshot belongs to a transaction that
 * was open then: in its xip, or at or above its xmax, for xmax is the last *completed* id + 1 and open ones may lie above it. Each reading
 * therefore asks for the rows after `last`, and for those below it of just these transactions. Per key, writers follow each other by the
 * lock on what they change, so a later event has the higher position and is never visible without the earlier one. Nothing is stored:
 * after a lost connection it reads from the start.
 */
export class Cursor {
  readonly #line: Line;
  readonly #tables: Tables;
  #place: Place | undefined;
  /** A statement that is prepared is quicker for few rows, a copy for many. */
  #mayBeMany = true;

  constructor(line: Line, tables: Tables) {
    this.#line = line;
    this.#tables = tables;
  }

  /** Of the last reading; `undefined` until there is one. */
  get snapshot(): Snapshot | undefined {
    return this.#place;
  }

  /** Reads from the oldest row again. */
  rewind(): void {
    this.#place = undefined;
  }

  async read({ buckets, exceptTopics }: Filter): Promise<Reading> {
    const place = this.#place ?? (await this.#start());
    const filtered = buckets !== undefined || exceptTopics.size > 0;
    // Whatever comes of it, this place is used once.
    this.#place = undefined;
    const only = filtered ? { buckets: buckets && [...buckets], exceptTopics: [...exceptTopics] } : undefined;
    const read = await (this.#mayBeMany ? this.#copied(place, only) : this.#fetched(place, only));
    const reading = this.#take(read, place.last, filtered);
    this.#mayBeMany = reading.goOn;
    return reading;
  }

  /** The rows with their events, without those that are gone meanwhile. */
  async complete(rows: readonly ReadRow[]): Promise<OutboxRow[]> {
    const long = rows.filter(({ event }) => event === null).map(({ position }) => position);
    if (long.length === 0) return rows as OutboxRow[];
    const { rows: found } = await this.#line.query({ text: longText(this.#tables), values: [long] });
    const events = new Map(found.map(({ pos, event }) => [Number(pos), event as string]));
    return rows.flatMap((row) => {
      const event = row.event ?? events.get(row.position);
      return event === undefined ? [] : [{ ...row, event }];
    });
  }

  /** Which of these transactions are not over for others to see. */
  async openAmong(xids: readonly number[]): Promise<ReadonlySet<number>> {
    const { rows } = await this.#line.query({
      name: "wb_open",
      text: "SELECT x::text AS xid FROM unnest($1::text[]::xid8[]) x WHERE NOT pg_visible_in_snapshot(x, pg_current_snapshot())",
      values: [xids],
    });
    return new Set(rows.map(({ xid }) => Number(xid)));
  }

  async #start(): Promise<Place> {
    const { rows } = await this.#line.query({ text: startText(this.#tables) });
    const { snapshot, oldest, newest } = rows[0] as { snapshot: string; oldest: string | null; newest: string };
    return { last: oldest === null ? Number(newest) : Number(oldest) - 1, ...openIn(snapshot) };
  }

  async #fetched(after: After, only: Only | undefined): Promise<Read> {
    const values: unknown[] = [after.last, after.xip, after.xmax];
    if (only !== undefined) values.push(only.buckets ?? null, only.exceptTopics);
    const { rows } = await this.#line.rows({
      name: only === undefined ? "wb_fetch" : "wb_fetch_some",
      text: fetchText(this.#tables, only !== undefined, PARAMETERS),
      values,
      rowMode: "array",
      types: AS_TEXT,
    });
    const answer = rows as unknown as Answer[];
    const header = answer.find(([pos]) => pos === null)!;
    return {
      header: [header[2]!, header[3]!],
      rows: answer
        .filter((row) => row !== header)
        .map(([pos, bucket, topic, key, event]) => ({
          position: Number(pos),
          bucket: Number(bucket),
          topic: topic!,
          key: key ?? undefined,
          event,
          attempts: 0,
          parked: false,
          behind: false,
        })),
    };
  }

  #copied(after: After, only: Only | undefined): Promise<Read> {
    const text = fetchText(this.#tables, only !== undefined, literals(after, only));
    return this.#line.run((client) => copyRows(client, text));
  }

  #take({ rows, header }: Read, from: number, filtered: boolean): Reading {
    const [snapshot, told] = header;
    const [held, due, newest] = told.split(" ") as [string, string, string];
    const about = {
      anyHeld: held === "t",
      untilDueMs: due === "-" ? Number.POSITIVE_INFINITY : Number(due),
    };
    let fresh = 0;
    let last = from;
    for (const { position } of rows) {
      if (position <= from) continue;
      fresh++;
      last = position;
    }
    const late = rows.length - fresh;
    // Some that came late may have been left out, and a row above may belong to the same key: nothing of this is used.
    if (late > LATE) return { rows: [], goOn: true, ...about };

    // Where nothing more was there, all that is visible has been looked at: what is still to come below is late by definition.
    const end = filtered ? Math.min(Number(newest), from + STRETCH) : Number(newest);
    if (fresh === 0) last = Math.max(from, end);
    this.#place = { last, ...openIn(snapshot) };
    if (late > 0) rows.sort((a, b) => a.position - b.position);
    return { rows, goOn: fresh >= FETCH || (fresh === 0 && end < Number(newest)), ...about };
  }
}

/** Position, bucket, topic, key, event; the header has no position, and what it tells in topic and key. */
type Answer = readonly [string | null, string | null, string | null, string | null, string | null];

const AS_TEXT = { getTypeParser: () => (value: string) => value };

/** `xmin:xmax:xip,xip` */
function openIn(snapshot: string): Snapshot {
  const [xmin, xmax, xip] = snapshot.split(":") as [string, string, string];
  return { xmin, xmax, xip: xip === "" ? [] : xip.split(",") };
}
