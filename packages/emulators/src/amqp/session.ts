import { AmqpError } from "./amqp-error.ts";
import type { AttachRequest, LinkHandler } from "./attach-request.ts";
import { readState } from "./delivery-state.ts";
import { IncomingLink } from "./incoming-link.ts";
import { OutgoingLink } from "./outgoing-link.ts";
import type { Peer } from "./peer.ts";
import {
  ATTACH,
  asMap,
  asNumber,
  asRaw,
  asString,
  DETACH,
  END,
  errorValue,
  FLOW,
  frame,
  must,
  type Performative,
  performative,
  TRANSFER,
} from "./performative.ts";
import { Described, sym, uint, ulong, ushort } from "./values.ts";

/** The peer may send this many frames before it hears from us again; links' credit is the limit that matters. */
const INCOMING_WINDOW = 0x7fffffff;
const MAX_LINKS = 4096;

interface SessionConnection extends Peer {
  readonly handler: LinkHandler;
  readonly remoteMaxFrameSize: number;
  write(head: Buffer, payload?: Buffer): void;
}

type Slot =
  | { state: "asked"; request: AttachRequest }
  | { state: "open"; link: IncomingLink | OutgoingLink }
  | { state: "detached" };

/** A session as the peer opened it. Channels and handles are used as the peer chose them, in both directions. */
export class Session {
  readonly connection: SessionConnection;
  readonly channel: number;
  private nextIncomingId: number;
  private nextOutgoingId = 0;
  private nextDeliveryId = 0;
  private remoteWindow: number;
  private readonly slots = new Map<number, Slot>();
  private readonly unsettled = new Map<number, { link: OutgoingLink; tag: Buffer }>();
  private readonly waiting: { head: Buffer; payload: Buffer }[] = [];
  private over = false;

  constructor(connection: SessionConnection, channel: number, begin: Performative) {
    this.connection = connection;
    this.channel = channel;
    this.nextIncomingId = asNumber(begin.fields[1]) ?? 0;
    this.remoteWindow = asNumber(begin.fields[2]) ?? 0;
  }

  /** The peer takes no more frames now. What were sent on a link all the same would wait here, its lock running. */
  get isBlocked(): boolean {
    return this.remoteWindow <= 0 || this.waiting.length > 0;
  }

  beginFields(): unknown[] {
    return [ushort(this.channel), uint(0), uint(INCOMING_WINDOW), uint(INCOMING_WINDOW), uint(MAX_LINKS - 1)];
  }

  write(body: Described): void {
    if (!this.over) this.connection.write(frame(this.channel, body));
  }

  /** The four fields that every flow frame starts with. */
  flowFields(): unknown[] {
    return [uint(this.nextIncomingId), uint(INCOMING_WINDOW), uint(this.nextOutgoingId), uint(INCOMING_WINDOW)];
  }

  *links(): Generator<IncomingLink | OutgoingLink> {
    for (const slot of [...this.slots.values()]) if (slot.state === "open") yield slot.link;
  }

  attach({ fields, raw }: Performative): void {
    const name = asString(fields[0]) ?? "";
    const handle = must(asNumber(fields[1]), "handle");
    const peerReceives = fields[2] === true;
    if (handle >= MAX_LINKS)
      throw new AmqpError("amqp:connection:framing-error", `Handle ${handle} is over the limit.`);
    if (this.slots.has(handle)) throw new AmqpError("amqp:session:handle-in-use", `Handle ${handle} is in use.`);
    const source = terminus(fields[5]);
    const target = terminus(fields[6]);
    const node = peerReceives ? source : target;
    const asked = peerReceives && source[7] instanceof Map ? source[7] : new Map();
    let answered = false;
    const once = () => {
      if (answered) throw new Error("This attach has been answered.");
      answered = true;
    };
    const reply = (
      maxMessageSize: number | undefined,
      granted?: Described,
      properties?: ReadonlyMap<string, unknown>,
      isRefused = false,
    ) =>
      this.write(
        performative(ATTACH, [
          name,
          uint(handle),
          !peerReceives,
          asRaw(raw[3]),
          asRaw(raw[4]),
          // A link that is refused has no nodes: clients tell by that that a detach follows, Go's only when it has neither.
          isRefused ? null : (granted ?? asRaw(raw[5])),
          isRefused ? null : asRaw(raw[6]),
          null,
          null,
          peerReceives ? uint(0) : null,
          maxMessageSize === undefined ? null : ulong(maxMessageSize),
          null,
          null,
          properties && new Map([...properties].map(([key, value]) => [sym(key), value])),
        ]),
      );
    const request: AttachRequest = {
      session: this,
      name,
      role: peerReceives ? "receiver" : "sender",
      address: asString(node[0]) ?? "",
      peerAddress: asString((peerReceives ? target : source)[0]),
      filter: asked,
      properties: asMap(fields[13]),
      desiredCapabilities: Array.isArray(fields[12]) ? fields[12] : fields[12] === null ? [] : [fields[12]],
      settled: fields[3] === 1,
      onAbandoned: undefined,
      acceptSender: (options, answer) => {
        once();
        reply(options.maxMessageSize, undefined, answer?.properties);
        const link = new IncomingLink(this, handle, name, asNumber(fields[9]) ?? 0, options);
        this.slots.set(handle, { state: "open", link });
        link.grant();
        return link;
      },
      acceptReceiver: (options, answer) => {
        once();
        const granted = answer?.filter && sourceWithFilter(source, answer.filter);
        reply(undefined, granted, answer?.properties);
        const link = new OutgoingLink(this, handle, name, options);
        this.slots.set(handle, { state: "open", link });
        return link;
      },
      refuse: (error) => {
        once();
        reply(undefined, undefined, undefined, true);
        this.slots.set(handle, { state: "detached" });
        this.writeDetach(handle, error);
      },
    };
    this.slots.set(handle, { state: "asked", request });
    if (node.length === 0 && (peerReceives ? fields[5] : fields[6]) instanceof Described)
      request.refuse(new AmqpError("amqp:not-implemented", "Transactions are not supported here."));
    else this.connection.handler.attach(request);
  }

  flow({ fields }: Performative): void {
    const seen = asNumber(fields[0]) ?? 0;
    const wasBlocked = this.isBlocked;
    this.remoteWindow = (seen + (asNumber(fields[1]) ?? 0) - this.nextOutgoingId) | 0;
    this.flush();
    if (wasBlocked && !this.isBlocked) for (const link of this.links()) if (link instanceof OutgoingLink) link.wake();
    const handle = asNumber(fields[4]);
    if (handle === undefined) {
      if (fields[9] === true) this.write(performative(FLOW, this.flowFields()));
      return;
    }
    const link = this.openLink(handle);
    if (link instanceof OutgoingLink)
      link.flow(asNumber(fields[5]) ?? 0, asNumber(fields[6]) ?? 0, fields[8] === true, fields[9] === true);
  }

  incoming({ fields }: Performative, payload: Buffer): void {
    this.nextIncomingId = (this.nextIncomingId + 1) >>> 0;
    const link = this.openLink(must(asNumber(fields[0]), "handle"));
    if (!(link instanceof IncomingLink)) return;
    link.transfer(
      {
        id: asNumber(fields[1]) ?? 0,
        format: asNumber(fields[3]) ?? 0,
        settled: fields[4] === true,
        more: fields[5] === true,
        aborted: fields[9] === true,
      },
      payload,
    );
  }

  disposition({ fields }: Performative): void {
    // Only receivers' words matter: what we take is settled by us in one step.
    if (fields[0] !== true) return;
    const first = must(asNumber(fields[1]), "first");
    const last = asNumber(fields[2]) ?? first;
    const settled = fields[3] === true;
    const state = readState(fields[4]);
    const ids =
      last - first >= this.unsettled.size
        ? [...this.unsettled.keys()].filter((id) => id >= first && id <= last)
        : Array.from({ length: last - first + 1 }, (_, at) => first + at);
    for (const id of ids) {
      const found = this.unsettled.get(id);
      if (found === undefined) continue;
      if (settled) this.unsettled.delete(id);
      found.link.disposition(found.tag, id, state, settled);
    }
  }

  /** The peer detaches, or answers our detach. */
  remoteDetach({ fields }: Performative): void {
    const handle = must(asNumber(fields[0]), "handle");
    const slot = this.slots.get(handle);
    if (slot === undefined) throw new AmqpError("amqp:session:unattached-handle", `Handle ${handle} is not attached.`);
    this.slots.delete(handle);
    if (slot.state === "detached") return;
    this.write(performative(DETACH, [uint(handle), fields[1] === true]));
    this.endSlot(slot);
  }

  detach(link: IncomingLink | OutgoingLink, error: AmqpError | undefined): void {
    const slot = this.slots.get(link.handle);
    if (slot?.state !== "open" || slot.link !== link) return;
    this.slots.set(link.handle, { state: "detached" });
    this.writeDetach(link.handle, error);
    this.endSlot(slot);
  }

  /** Sends one message as one or more frames, within the peer's window. */
  transfer(link: OutgoingLink, payload: Buffer, tag: Buffer, settled: boolean): number {
    const id = this.nextDeliveryId;
    this.nextDeliveryId = (id + 1) >>> 0;
    if (!settled) this.unsettled.set(id, { link, tag });
    const room = this.connection.remoteMaxFrameSize - 64 - tag.length;
    let start = 0;
    do {
      const part = payload.length - start <= room ? payload.subarray(start) : payload.subarray(start, start + room);
      start += part.length;
      const more = start < payload.length;
      const body = performative(TRANSFER, [uint(link.handle), uint(id), tag, uint(0), settled, more || null]);
      this.waiting.push({ head: frame(this.channel, body, part.length), payload: part });
    } while (start < payload.length);
    this.flush();
    return id;
  }

  forget(deliveryId: number): void {
    this.unsettled.delete(deliveryId);
  }

  /** Ends it with an error of ours; the peer's answer is awaited by the connection. */
  fail(error: AmqpError): void {
    this.write(performative(END, [errorValue(error)]));
    this.gone();
  }

  gone(): void {
    if (this.over) return;
    this.over = true;
    const slots = [...this.slots.values()];
    this.slots.clear();
    this.unsettled.clear();
    this.waiting.length = 0;
    for (const slot of slots) if (slot.state !== "detached") this.endSlot(slot);
  }

  private flush(): void {
    let sent = 0;
    while (this.remoteWindow > 0 && sent < this.waiting.length && !this.over) {
      const next = this.waiting[sent]!;
      sent += 1;
      this.remoteWindow -= 1;
      this.nextOutgoingId = (this.nextOutgoingId + 1) >>> 0;
      this.connection.write(next.head, next.payload);
    }
    if (sent > 0) this.waiting.splice(0, sent);
  }

  private writeDetach(handle: number, error: AmqpError | undefined): void {
    this.write(performative(DETACH, [uint(handle), true, error && errorValue(error)]));
  }

  private openLink(handle: number): IncomingLink | OutgoingLink | undefined {
    const slot = this.slots.get(handle);
    if (slot === undefined) throw new AmqpError("amqp:session:unattached-handle", `Handle ${handle} is not attached.`);
    return slot.state === "open" ? slot.link : undefined;
  }

  private endSlot(slot: Slot): void {
    if (slot.state === "asked") slot.request.onAbandoned?.();
    if (slot.state !== "open") return;
    if (slot.link instanceof OutgoingLink)
      for (const [id, { link }] of this.unsettled) if (link === slot.link) this.unsettled.delete(id);
    slot.link.gone();
  }
}

/** The fields of a source or target; none when it is absent, or a transaction coordinator. */
function terminus(value: unknown): readonly unknown[] {
  if (!(value instanceof Described) || !Array.isArray(value.value)) return [];
  const isNode = ["amqp:source:list", "amqp:target:list", 0x28, 0x29].includes(value.descriptor);
  return isNode ? value.value.concat(Array(11 - Math.min(11, value.value.length)).fill(null)) : [];
}

function sourceWithFilter(source: readonly unknown[], filter: ReadonlyMap<unknown, unknown>): Described {
  const granted = new Map([...filter].map(([key, value]) => [sym(String(key)), value]));
  return performative(0x28, [source[0], null, null, null, null, null, null, granted]);
}
