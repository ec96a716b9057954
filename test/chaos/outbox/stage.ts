import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../servers/launch-server.ts";
import { type Account, account, type Entry, problemsOf } from "./account.ts";
import type { Told } from "./child.ts";
import { type Database, openDatabase, type Row, type StoreName, TABLES } from "./database.ts";
import { type Arrival, LogReader } from "./log.ts";
import { Member, type Post } from "./member.ts";
import { type Place, startPlace } from "./place.ts";
import type { WriterPlan } from "./writer-process.ts";

export interface StageOptions {
  readonly store: StoreName;
  readonly events: number;
  readonly seed: number;
  readonly leaseMs: number;
  /** The 8 writers share so many processes. */
  readonly writerProcesses: number;
  readonly progress?: ((line: string) => void) | undefined;
}

export const WRITERS = 8;
/** Without any news for so long the run is given up. */
const STALL_MS = 60_000;
const ASKED_AGAIN = 10;

/** A database, a broker, and processes around them; what came of it is read from the broker's log and from the database's own tables. */
export class Stage {
  readonly place: Place;
  readonly database: Database;
  readonly problems: string[] = [];
  /** Errors that were handled, by code. */
  readonly troubles = new Map<string, number>();
  /** Events that the writers know to be committed. */
  written = 0;
  readonly arrivals: Arrival[] = [];
  readonly arrived = new Set<string>();
  readonly writers: Member[] = [];
  readonly #options: StageOptions;
  readonly #folder: string;
  readonly #reader: LogReader;
  readonly #members: Member[] = [];
  #brokerUrl = "";

  private constructor(options: StageOptions, folder: string, place: Place) {
    this.#options = options;
    this.#folder = folder;
    this.place = place;
    this.database = openDatabase(place.address);
    this.#reader = new LogReader(this.log);
  }

  /** Runs `play` on a new stage and clears it away. What `play` throws is among the problems. */
  static async with<T>(options: StageOptions, play: (stage: Stage) => Promise<T>): Promise<[Stage, T | undefined]> {
    const folder = await mkdtemp(join(tmpdir(), "waybill-chaos-outbox-"));
    try {
      const place = await startPlace(options.store, folder);
      const stage = new Stage(options, folder, place);
      try {
        await stage.#prepare();
        return [stage, await play(stage)];
      } catch (error) {
        stage.problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
        return [stage, undefined];
      } finally {
        await Promise.all(stage.#members.map((member) => member.end()));
        await stage.database.store.close().catch(() => undefined);
        await place.stop();
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** What the broker has taken, in its order. */
  get log(): string {
    return this.path("broker.log");
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  progress(line: string): void {
    this.#options.progress?.(line);
  }

  member(post: Omit<Post, "onTold">, onTold: (told: Told) => void = () => undefined): Member {
    const heard = (told: Told) => {
      const { trouble, problem } = told;
      if (trouble !== undefined) this.troubles.set(trouble, (this.troubles.get(trouble) ?? 0) + 1);
      if (problem !== undefined) this.problems.push(`${post.name}: ${problem}`);
      onTold(told);
    };
    const member = new Member({ ...post, onTold: heard }, (problem) => this.problems.push(problem));
    this.#members.push(member);
    return member;
  }

  async broker(): Promise<Member> {
    const port = await freePort();
    this.#brokerUrl = `http://127.0.0.1:${port}/`;
    const args = [`${port}`, this.log, `${this.#options.seed}`];
    return this.member({ name: "broker", script: "./broker-process.ts", args });
  }

  relay(index: number, options: Partial<Post> = {}, onTold?: (told: Told) => void): Member {
    const args = [JSON.stringify(this.place.address), this.#brokerUrl, `${this.#options.leaseMs}`, `${index}`];
    return this.member({ name: `relay ${index}`, script: "./relay-process.ts", args, ...options }, onTold);
  }

  hireWriters(): void {
    const { seed, events, writerProcesses } = this.#options;
    for (let i = 0; i < writerProcesses; i++) {
      const writers = Array.from({ length: WRITERS }, (_, n) => n).filter((n) => n % writerProcesses === i);
      const { address } = this.place;
      const plan: WriterPlan = { address, seed, writers, quota: Math.floor(events / WRITERS), keys: this.#keys };
      const name = `writers ${writers}`;
      const post = { name, script: "./writer-process.ts", args: [JSON.stringify(plan)], endsItself: true };
      this.writers.push(
        this.member(post, ({ done = 0 }) => {
          this.written += done;
        }),
      );
    }
  }

  /** Each writer goes on up to so many events. */
  allow(eventsEach: number): void {
    for (const writer of this.writers) writer.order({ allow: eventsEach });
  }

  async ready(): Promise<void> {
    await Promise.all(this.#members.map(({ ready }) => ready));
    this.progress(`${this.#options.store}: ${this.#members.length} processes at work`);
  }

  /** Reads on in the broker's log. */
  refresh(): void {
    for (let lines = this.#reader.next(); lines.length > 0; lines = this.#reader.next()) {
      for (const arrival of lines) {
        this.arrivals.push(arrival);
        this.arrived.add(arrival.id);
      }
    }
  }

  /** Resolves when it is so; rejects when nothing moves any more. */
  async until(isSo: () => boolean | Promise<boolean>, news: () => unknown = () => ""): Promise<void> {
    let before = "";
    let movedAt = performance.now();
    for (let toldAt = performance.now(); ; ) {
      this.refresh();
      if (await isSo()) return;
      const now = `${this.written} written, ${this.arrived.size} arrived ${news()}`;
      if (now !== before) movedAt = performance.now();
      before = now;
      if (performance.now() - movedAt > STALL_MS) throw new Error(`nothing moved for ${STALL_MS / 1_000} s: ${now}`);
      if (performance.now() - toldAt > 5_000) {
        toldAt = performance.now();
        this.progress(`  ${now}`);
      }
      await sleep(50);
    }
  }

  query(sql: string): Promise<readonly Row[]> {
    return this.ask(() => this.database.store.transaction((tx) => this.database.query(tx, sql)));
  }

  /** The first tries may meet connections that were ended. */
  async ask<T>(question: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await question();
      } catch (error) {
        if (tries === ASKED_AGAIN) throw error;
        await sleep(200);
      }
    }
  }

  /** Rows that were published and not removed yet are published once more by the next relay: at the end the outbox is empty. */
  untilDrained(): Promise<void> {
    return this.until(async () => (await this.ask(() => this.database.store.counts())).waiting === 0);
  }

  /** With what the consumer did, where there was one. */
  async judge(hasConsumer: boolean, expected = this.#options.events): Promise<Account> {
    const entries = (await this.query("SELECT id, name, version FROM entry")) as unknown as Entry[];
    const effects = hasConsumer ? ((await this.query("SELECT id FROM effect")) as unknown as Entry[]) : entries;
    this.refresh();
    const result = account(entries, this.arrivals, effects);
    this.problems.push(...problemsOf(result, expected));
    return result;
  }

  async #prepare(): Promise<void> {
    const { store } = this.database;
    await store.open();
    await store.transaction(async (tx) => {
      for (const table of TABLES) await this.database.query(tx, table);
      const tuples = Array.from({ length: this.#keys }, (_, i) => `('k${i}', 0)`).join(", ");
      await this.database.query(tx, `INSERT INTO account (name, version) VALUES ${tuples}`);
    });
  }

  get #keys(): number {
    return Math.max(8, Math.min(500, Math.floor(this.#options.events / 20)));
  }
}
