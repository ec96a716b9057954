import { setTimeout } from "node:timers/promises";
import type { ServiceBusClient, ServiceBusReceiver, ServiceBusSessionReceiver } from "@azure/service-bus";
import Long from "long";
import { endAfter } from "./discard.ts";
import { serviceBusErrors } from "./errors.ts";
import { Hold } from "./hold.ts";
import { Link } from "./link.ts";
import type { SourceParts } from "./plain-source.ts";
import { createSdkReceiver, isNoSession, RECEIVE_OPTIONS } from "./receive-options.ts";
import type { LinkSource } from "./source.ts";

export interface SessionParts extends SourceParts {
  readonly maxSessions: number;
  readonly idleMs: number;
  readonly holdMs: number;
  /** How long the service waits for a session that has something. */
  readonly acceptMs: number;
}

/** A session with something in hand for longer than this is not given up for others: its keys would wait for that one. */
const QUICK_MS = 2_000;
/** The part of the idle time after which one session is given up where all places are taken. */
export const SOON = 0.1;
const PAUSE_MS = 100;
/** The service ends the wait for a session; beyond that its answer is lost. */
const GRACE_MS = 2_000;

interface Connection {
  readonly client: ServiceBusClient;
  readonly management: ServiceBusReceiver;
  readonly ended: AbortController;
  readonly links: Set<Link<Hold>>;
  /** Asked for nothing more, and closed when what is in hand is settled. */
  readonly leaving: Set<Link<Hold>>;
  accepting: boolean;
}

/** Holds up to `maxSessions` sessions, each a lane under one lock; takes the next when one ends, is lost or has nothing more. */
export class SessionSource implements LinkSource {
  readonly #parts: SessionParts;
  #connection: Connection | undefined;
  #stopped = false;

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  ensure(): void {
    const connection = this.#connect();
    for (const link of connection.links) link.ask(this.#parts.prefetch - link.waiting);
    void this.#accept(connection);
  }

  /** Core gives a lane up at the moment its lock ends, and more of it would pass the rest. */
  expire(): void {
    this.tick(Date.now());
  }

  tick(nowMs: number): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    const { idleMs, holdMs, maxSessions, isLeft } = this.#parts;
    for (const link of connection.links) {
      // The SDK tells of most ends, not of all.
      if (link.sdk.isClosed || link.untilMs <= nowMs) this.#end(connection, link);
      else if (link.holds.size === 0) {
        if (connection.leaving.has(link) || nowMs - link.activeMs >= idleMs) this.#end(connection, link);
      } else if (nowMs - link.sinceMs >= holdMs && connection.links.size >= maxSessions)
        this.#leave(connection, link, nowMs);
      // Core is busy with others, or paused: giving a session back costs its messages nothing.
      else if (link.isUntaken && isLeft()) this.#end(connection, link);
      else if (link.isUntaken && link.untilMs - nowMs < link.lockMs / 2) void this.#renew(link);
    }
    this.#makeRoom(connection, nowMs);
  }

  settler(hold: Hold): ServiceBusSessionReceiver {
    const { session } = hold.link;
    if (session === undefined || hold.link.isOver) {
      throw serviceBusErrors.WB_SERVICE_BUS_LOST({ id: hold.message.id, entity: this.#parts.place.label });
    }
    return session;
  }

  freed(hold: Hold): void {
    hold.link.activeMs = Date.now();
    const connection = this.#connection;
    if (connection?.leaving.has(hold.link) && hold.link.holds.size === 0) this.#end(connection, hold.link);
  }

  /** With a session in hand nothing is given up for what others may hold. */
  async probe(): Promise<boolean> {
    const connection = this.#connect();
    const [seen] = await connection.management.peekMessages(1, { fromSequenceNumber: Long.ONE });
    return seen?.state === "active" && connection.links.size === 0;
  }

  drop(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#connection = undefined;
    for (const link of connection.links) this.#forget(link);
    endAfter(this.#parts.discard(connection.client), connection.ended);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...(this.#connection?.links ?? [])].map((link) => link.stop()));
  }

  /** Gives the sessions back: what was not settled comes again at once, uncounted. */
  async close(): Promise<void> {
    const links = [...(this.#connection?.links ?? [])];
    for (const link of links) this.#forget(link);
    await Promise.allSettled(links.map((link) => link.sdk.close()));
    this.drop();
  }

  #connect(): Connection {
    if (this.#connection === undefined) {
      const client = this.#parts.connect();
      this.#connection = {
        client,
        management: createSdkReceiver(client, this.#parts.place),
        ended: new AbortController(),
        links: new Set(),
        leaving: new Set(),
        accepting: false,
      };
    }
    return this.#connection;
  }

  async #accept(connection: Connection): Promise<void> {
    if (connection.accepting || this.#stopped) return;
    connection.accepting = true;
    const isWanted = () =>
      this.#connection === connection &&
      !this.#stopped &&
      this.#parts.isAsked() &&
      connection.links.size < this.#parts.maxSessions;
    try {
      while (isWanted()) {
        const session = await this.#next(connection);
        if (session === undefined) continue;
        if (isWanted()) this.#open(connection, session);
        else await session.close();
      }
    } catch (error) {
      if (this.#connection !== connection) return;
      this.drop();
      this.#parts.failed(error);
    } finally {
      connection.accepting = false;
    }
  }

  async #next({ client, ended }: Connection): Promise<ServiceBusSessionReceiver | undefined> {
    const { entity, subscription } = this.#parts.place;
    const options = { ...RECEIVE_OPTIONS, abortSignal: ended.signal };
    const beforeMs = Date.now();
    try {
      const accepting =
        subscription === undefined
          ? client.acceptNextSession(entity, options)
          : client.acceptNextSession(entity, subscription, options);
      return await withinMs(accepting, this.#parts.acceptMs + GRACE_MS);
    } catch (error) {
      if (!isNoSession(error)) throw error;
      // Normally the service has waited; a refusal at once must not become a busy loop.
      if (Date.now() - beforeMs < PAUSE_MS) await setTimeout(PAUSE_MS);
      return undefined;
    }
  }

  #open(connection: Connection, sdk: ServiceBusSessionReceiver): void {
    const { lockMs, prefetch, handoff, toMessage, arrived } = this.#parts;
    const link: Link<Hold> = new Link({
      sdk,
      lockMs,
      most: prefetch,
      handoff,
      take: (raw, link, number) => new Hold(raw, link, number, toMessage(raw)),
      arrived,
      // Lock lost, link or connection gone: the SDK opens no session again.
      failed: () => {
        this.#end(connection, link);
        setImmediate(() => this.#reconnect(connection));
      },
    });
    connection.links.add(link);
    link.start(connection.ended.signal);
    this.#makeRoom(connection, Date.now());
  }

  /** With all places taken one idle session goes soon; and the next when another has come in its place, so that none goes for nothing. */
  #makeRoom(connection: Connection, nowMs: number): void {
    const { maxSessions, idleMs } = this.#parts;
    if (connection.links.size < maxSessions) return;
    let idlest: Link<Hold> | undefined;
    for (const link of connection.links) {
      // What it was accepted for may still be on its way.
      if (link.isNew || link.holds.size > 0 || nowMs - link.activeMs < idleMs * SOON) continue;
      if (idlest === undefined || link.activeMs < idlest.activeMs) idlest = link;
    }
    if (idlest !== undefined) this.#end(connection, idlest);
  }

  /** With a connection all of its sessions go at once; and what is just being accepted over it may never be answered. */
  #reconnect(connection: Connection): void {
    if (this.#connection !== connection || connection.links.size > 0) return;
    this.drop();
    if (this.#parts.isAsked()) this.ensure();
  }

  #leave(connection: Connection, link: Link<Hold>, nowMs: number): void {
    if (connection.leaving.has(link)) return;
    for (const { handedMs } of link.holds.all()) if (handedMs !== undefined && nowMs - handedMs > QUICK_MS) return;
    connection.leaving.add(link);
    link.stop().catch(() => undefined);
  }

  #end(connection: Connection, link: Link<Hold>): void {
    if (!connection.links.delete(link)) return;
    connection.leaving.delete(link);
    this.#forget(link);
    link.sdk.close().catch(() => undefined);
    if (this.#connection === connection) void this.#accept(connection);
  }

  #forget(link: Link<Hold>): void {
    const holds = new Set<unknown>(link.holds.all());
    this.#parts.handoff.discard((delivery) => holds.has(delivery));
    link.end();
  }

  async #renew(link: Link<Hold>): Promise<void> {
    try {
      link.renewed(await link.session!.renewSessionLock());
    } catch {
      // Its end will tell; the broker delivers again.
    }
  }
}

/** Of what comes too late nothing is heard: its connection is given up, and gives it back. */
async function withinMs<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = globalThis.setTimeout(() => reject(new DOMException(`no answer within ${ms} ms`, "TimeoutError")), ms);
  });
  promise.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
