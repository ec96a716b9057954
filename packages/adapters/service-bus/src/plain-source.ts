import type { ServiceBusClient, ServiceBusReceivedMessage, ServiceBusReceiver } from "@azure/service-bus";
import type { Handoff, WireMessage } from "@waybill/core/spi";
import Long from "long";
import { endAfter } from "./discard.ts";
import { Hold } from "./hold.ts";
import { Link } from "./link.ts";
import { createSdkReceiver, type Place } from "./receive-options.ts";
import type { LinkSource, Room } from "./source.ts";

/** Messages of a lock's last part are renewed; a lock of ours that ended by so much is gone. */
const LOST_AFTER_MS = 1_000;
/**
 * rhea keeps what came over a link in a ring of 2 048, which it frees from the oldest on: with one message in hand for long, the link falls silent after
 * so many others. A new link is opened before that.
 */
const MAX_SPAN = 1_500;
/** Before core has asked: enough to hear whether the service lets us read. */
const OPENING: Room = { max: 1, maxBytes: Number.POSITIVE_INFINITY };
/** Messages that a probe looks at: more than are usually in hand for long. */
const PEEK = 32;

export interface SourceParts {
  readonly place: Place;
  readonly connect: () => ServiceBusClient;
  readonly lockMs: number;
  readonly prefetch: number;
  readonly handoff: Handoff;
  readonly toMessage: (raw: ServiceBusReceivedMessage) => WireMessage;
  readonly arrived: () => void;
  /** Core is asking now. */
  readonly isAsked: () => boolean;
  /** Core has not asked for so long that what it has not taken is to go to others. */
  readonly isLeft: () => boolean;
  readonly failed: (error: unknown) => void;
  /** Closes in the background, bounded in time. Never rejects. */
  readonly discard: (client: ServiceBusClient) => Promise<void>;
}

interface Connection {
  readonly client: ServiceBusClient;
  /** Settles by lock token what came over links that are gone. */
  readonly management: ServiceBusReceiver;
  readonly ended: AbortController;
  active: Link<Hold> | undefined;
}

/** Receives from a queue, a subscription or its dead letters, without sessions. */
export class PlainSource implements LinkSource {
  readonly #parts: SourceParts;
  #connection: Connection | undefined;
  /** With something in hand, of this connection or of one before; and the active one. */
  readonly #links = new Set<Link<Hold>>();
  #room: Room = OPENING;
  /** What a message usually has. */
  #bytesEach = 0;

  constructor(parts: SourceParts) {
    this.#parts = parts;
  }

  ensure(room: Room = this.#room): void {
    this.#room = room;
    const connection = this.#connect();
    const { active, ended } = connection;
    const count = this.#wanted();
    if (active === undefined) this.#open(connection);
    else if (count >= 2 * active.most) this.#rotate(connection, active);
    else if (active.isAsking) active.ask(count);
    else if (count > 0) active.start(ended.signal);
    // Shut a moment ago: it can be started again when its last messages are here.
    void connection.active?.whenShut()?.then(() => {
      if (this.#connection === connection && this.#parts.isAsked()) this.ensure();
    });
  }

  /** Takes back what is asked for. With nothing asked for the link stays as it is: started again, it would ask for all that it was made for. */
  async rest(): Promise<void> {
    const active = this.#connection?.active;
    if (active !== undefined && active.credit > 0) await active.stop();
  }

  withdraw(): readonly Hold[] {
    const untaken = this.#holds().filter(({ state }) => state === "waiting");
    const withdrawn = new Set<unknown>(untaken);
    if (untaken.length > 0) this.#parts.handoff.discard((delivery) => withdrawn.has(delivery));
    for (const hold of untaken) hold.lose();
    return untaken;
  }

  /** How many may come, beside those that wait: no more than core can take, or they would be locked here for nothing. */
  #wanted(): number {
    const { max, maxBytes } = this.#room;
    const fit = this.#bytesEach === 0 ? max : Math.ceil(maxBytes / this.#bytesEach);
    let count = Math.min(this.#parts.prefetch, max, fit);
    for (const { waiting } of this.#links) count -= waiting;
    return count;
  }

  #holds(): Hold[] {
    return [...this.#links].flatMap(({ holds }) => holds.all());
  }

  tick(nowMs: number): void {
    const { handoff } = this.#parts;
    for (const hold of this.#holds()) {
      if (hold.untilMs + LOST_AFTER_MS > nowMs) {
        if (hold.state === "waiting" && hold.untilMs - nowMs < hold.link.lockMs / 2) void this.#renew(hold);
        continue;
      }
      if (hold.state === "waiting") handoff.discard((delivery) => delivery === hold);
      hold.lose();
      this.freed(hold);
    }
  }

  settler(hold: Hold): ServiceBusReceiver {
    const { management } = this.#connect();
    return hold.link.isOver ? management : (hold.link.sdk as ServiceBusReceiver);
  }

  freed({ link }: Hold): void {
    this.#leave(link);
  }

  /** A link that is no longer asked ends with the last message that came over it. */
  #leave(link: Link<Hold>): void {
    if (link.holds.size > 0 || link === this.#connection?.active || link.whenShut() !== undefined) return;
    this.#links.delete(link);
    if (link.isOver) return;
    link.end();
    link.sdk.close().catch(() => undefined);
  }

  async probe(): Promise<boolean> {
    const seen = await this.#connect().management.peekMessages(PEEK, { fromSequenceNumber: Long.ONE });
    const ours = new Set(this.#holds().map(({ raw }) => String(raw.sequenceNumber)));
    return seen.some(({ state, sequenceNumber }) => state === "active" && !ours.has(String(sequenceNumber)));
  }

  /** What is in hand stays so: it can be settled over the next connection. */
  drop(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#connection = undefined;
    for (const link of this.#links) {
      link.end();
      if (link.holds.size === 0) this.#links.delete(link);
    }
    endAfter(this.#parts.discard(connection.client), connection.ended);
  }

  async stop(): Promise<void> {
    await this.#connection?.active?.stop();
  }

  async close(): Promise<void> {
    this.drop();
  }

  unsettled(): readonly Hold[] {
    return this.#holds();
  }

  #connect(): Connection {
    if (this.#connection === undefined) {
      const client = this.#parts.connect();
      const management = createSdkReceiver(client, this.#parts.place);
      this.#connection = { client, management, ended: new AbortController(), active: undefined };
    }
    return this.#connection;
  }

  #open(connection: Connection): void {
    const { place, lockMs, handoff, toMessage, arrived, failed } = this.#parts;
    const link: Link<Hold> = new Link({
      sdk: createSdkReceiver(connection.client, place),
      lockMs,
      most: Math.max(1, this.#wanted()),
      handoff,
      take: (raw, link, number) => new Hold(raw, link, number, toMessage(raw)),
      arrived: (hold) => {
        const bytes = hold.message.body?.byteLength ?? 0;
        this.#bytesEach += (bytes - this.#bytesEach) / (this.#bytesEach === 0 ? 1 : 8);
        arrived();
        if (link.span >= MAX_SPAN && connection.active === link) this.#rotate(connection, link);
      },
      failed: (error) => {
        if (this.#connection !== connection) return;
        this.drop();
        failed(error);
      },
    });
    connection.active = link;
    this.#links.add(link);
    link.start(connection.ended.signal);
  }

  #rotate(connection: Connection, link: Link<Hold>): void {
    this.#open(connection);
    void link
      .stop()
      .catch(() => undefined)
      .then(() => this.#leave(link));
  }

  async #renew(hold: Hold): Promise<void> {
    try {
      hold.renewed(await this.settler(hold).renewMessageLock(hold.raw));
    } catch {
      // Its end will tell; the broker delivers it again.
    }
  }
}
