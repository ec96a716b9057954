import type { ServiceBusClient, ServiceBusReceivedMessage, ServiceBusReceiver } from "@azure/service-bus";
import type { Handoff, WireMessage } from "@waybill/core/spi";
import Long from "long";
import { endAfter } from "./discard.ts";
import type { Hold } from "./hold.ts";
import { Link } from "./link.ts";
import { createSdkReceiver, type Place } from "./receive-options.ts";
import type { LinkSource } from "./source.ts";

/** Messages of a lock's last part are renewed; a lock of ours that ended by so much is gone. */
const LOST_AFTER_MS = 1_000;
/**
 * rhea keeps what came over a link in a ring of 2 048, which it frees from the oldest on: with one message in hand for long, the link falls silent after
 * so many others. A new link is opened before that.
 */
const MAX_SPAN = 1_500;
/** Messages that a probe looks at: more than are usually in hand for long. */
const PEEK = 32;

export interface SourceParts {
  readonly place: Place;
  readonly connect: () => ServiceBusClient;
  readonly lockMs: number;
  readonly prefetch: number;
  readonly handoff: Handoff;
  readonly toMessage: (raw: ServiceBusReceivedMessage) => WireMessage;
  readonly arrived: (hold: Hold) => void;
  /** Core is asking now. */
  readonly isAsked: () => boolean;
  readonly failed: (error: unknown) => void;
  /** Closes in the background, bounded in time. Never rejects. */
  readonly discard: (client: ServiceBusClient) => Promise<void>;
}

interface Connection {
  readonly client: ServiceBusClient;
  /** Settles by lock token what came over links that are gone. */
  readonly management: ServiceBusReceiver;
  readonly ended: AbortController;
  active: Link | undefined;
  /** Older links with something still in hand. */
  readonly old: Set<Link>;
}

/** Receives from a queue, a subscription or its dead letters, without sessions. */
export class PlainSource implements LinkSource {
  readonly #parts: SourceParts;
  #connection: Connection | undefined;
  /** In hand or waiting, over whichever link it came. */
  readonly #holds = new Set<Hold>();

  constructor(parts: SourceParts) {
    this.#parts = parts;
  }

  ensure(): void {
    const connection = this.#connect();
    if (connection.active === undefined) this.#open(connection);
    else if (this.#waiting === 0) connection.active.start(connection.ended.signal);
    // Shut a moment ago: it can be started again when its last messages are here.
    void connection.active?.whenShut()?.then(() => {
      if (this.#connection === connection && this.#parts.isAsked()) this.ensure();
    });
  }

  rest(): void {
    this.#connection?.active?.stop().catch(() => undefined);
  }

  get #waiting(): number {
    let count = 0;
    for (const { state } of this.#holds) if (state === "waiting") count++;
    return count;
  }

  tick(nowMs: number): void {
    const { handoff } = this.#parts;
    for (const hold of this.#holds) {
      if (hold.untilMs + LOST_AFTER_MS > nowMs) {
        if (hold.state === "waiting" && hold.untilMs - nowMs < hold.link.lockMs / 2) void this.#renew(hold);
        continue;
      }
      if (hold.state === "waiting") handoff.discard((delivery) => delivery === hold.delivery);
      hold.lose();
      this.freed(hold);
    }
  }

  settler(hold: Hold): ServiceBusReceiver {
    const connection = this.#connect();
    const isUp = connection.active === hold.link || connection.old.has(hold.link);
    return isUp ? (hold.link.sdk as ServiceBusReceiver) : connection.management;
  }

  freed(hold: Hold): void {
    this.#holds.delete(hold);
    const connection = this.#connection;
    if (connection === undefined || hold.link.holds.size > 0 || !connection.old.delete(hold.link)) return;
    hold.link.end();
    hold.link.sdk.close().catch(() => undefined);
  }

  async probe(): Promise<boolean> {
    const seen = await this.#connect().management.peekMessages(PEEK, { fromSequenceNumber: Long.ONE });
    const ours = new Set([...this.#holds].map(({ raw }) => String(raw.sequenceNumber)));
    return seen.some(({ state, sequenceNumber }) => state === "active" && !ours.has(String(sequenceNumber)));
  }

  /** What is in hand stays so: it can be settled over the next connection. */
  drop(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#connection = undefined;
    connection.active?.end();
    for (const link of connection.old) link.end();
    endAfter(this.#parts.discard(connection.client), connection.ended);
  }

  async stop(): Promise<void> {
    await this.#connection?.active?.stop();
  }

  async close(): Promise<void> {
    this.drop();
  }

  unsettled(): readonly Hold[] {
    return [...this.#holds];
  }

  #connect(): Connection {
    if (this.#connection === undefined) {
      const client = this.#parts.connect();
      const management = createSdkReceiver(client, this.#parts.place);
      this.#connection = { client, management, ended: new AbortController(), active: undefined, old: new Set() };
    }
    return this.#connection;
  }

  #open(connection: Connection): void {
    const { place, lockMs, prefetch, handoff, toMessage, arrived, failed } = this.#parts;
    const link: Link = new Link({
      sdk: createSdkReceiver(connection.client, place),
      lockMs,
      prefetch,
      handoff,
      toMessage,
      arrived: (hold) => {
        this.#holds.add(hold);
        arrived(hold);
        if (link.span >= MAX_SPAN && connection.active === link) this.#rotate(connection, link);
      },
      failed: (error) => {
        if (this.#connection !== connection) return;
        this.drop();
        failed(error);
      },
    });
    connection.active = link;
    link.start(connection.ended.signal);
  }

  #rotate(connection: Connection, link: Link): void {
    connection.old.add(link);
    link.stop().catch(() => undefined);
    this.#open(connection);
  }

  async #renew(hold: Hold): Promise<void> {
    try {
      hold.renewed(await this.settler(hold).renewMessageLock(hold.raw));
    } catch {
      // Its end will tell; the broker delivers it again.
    }
  }
}
