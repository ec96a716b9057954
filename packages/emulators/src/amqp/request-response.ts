import { AmqpError } from "./amqp-error.ts";
import type { AttachRequest } from "./attach-request.ts";
import { Decoder } from "./decode.ts";
import { ACCEPTED, rejected } from "./delivery-state.ts";
import { Encoder } from "./encode.ts";
import type { IncomingDelivery } from "./incoming-link.ts";
import type { OutgoingLink } from "./outgoing-link.ts";
import type { Peer, PeerSession } from "./peer.ts";
import { PROPERTY, readProperties, readSections } from "./sections.ts";
import { Described, Raw } from "./values.ts";

/** A request to a node such as `$cbs` or `$management`. */
export interface Request {
  readonly session: PeerSession;
  readonly operation: string;
  readonly properties: ReadonlyMap<string, unknown>;
  readonly body: unknown;
}

export interface Response {
  readonly properties: ReadonlyMap<string, unknown>;
  readonly body?: unknown;
}

/** Answers that wait for credit; a peer that asks on without giving any gets no more. */
const MAX_WAITING = 1_000;

type Answer = (request: Request) => Response;

/** Requests are answered on a receiving link of the same connection: the one that the request names, else the session's. */
export class RequestResponse {
  private readonly answer: Answer;
  private readonly isExclusive: boolean;
  private readonly taken = new WeakMap<Peer, Set<AttachRequest["role"]>>();
  private readonly replies = new Map<
    OutgoingLink,
    { session: PeerSession; names: readonly string[]; waiting: Buffer[] }
  >();

  /** `isExclusive`: a connection may have one link of each role to it, not more. */
  constructor(answer: Answer, { isExclusive = false }: { readonly isExclusive?: boolean } = {}) {
    this.answer = answer;
    this.isExclusive = isExclusive;
  }

  /** Throws `amqp:not-allowed` when the node is exclusive and taken. */
  attach(request: AttachRequest, maxMessageSize: number): void {
    const free = this.isExclusive ? this.take(request) : () => undefined;
    if (request.role === "sender") {
      request.acceptSender({
        maxMessageSize,
        window: 100,
        onDelivery: (delivery) => this.receive(request.session, delivery),
        onClosed: free,
      });
      return;
    }
    const waiting: Buffer[] = [];
    const link: OutgoingLink = request.acceptReceiver({
      onCredit: () => send(link, waiting),
      onClosed: () => {
        this.replies.delete(link);
        free();
      },
    });
    const names = [request.peerAddress, request.name].filter((name) => name !== undefined);
    this.replies.set(link, { session: request.session, names, waiting });
  }

  private take({ session: { connection }, role, address }: AttachRequest): () => void {
    const roles = this.taken.get(connection) ?? new Set();
    if (roles.has(role))
      throw new AmqpError("amqp:not-allowed", `This connection has a ${role} of '${address}' already.`);
    this.taken.set(connection, roles.add(role));
    return () => void roles.delete(role);
  }

  private receive(session: PeerSession, delivery: IncomingDelivery): void {
    let reply: { to: string; bytes: Buffer };
    try {
      if (delivery.tooLarge) throw new AmqpError("amqp:link:message-size-exceeded", "The request is too large.");
      reply = this.respond(session, delivery.payload);
    } catch (error) {
      if (!(error instanceof AmqpError)) throw error;
      delivery.settle(rejected(error));
      return;
    }
    delivery.settle(ACCEPTED);
    const found = this.find(session, reply.to);
    if (found === undefined || found[1].waiting.length >= MAX_WAITING) return;
    found[1].waiting.push(reply.bytes);
    send(found[0], found[1].waiting);
  }

  private find(session: PeerSession, to: string) {
    const ours = [...this.replies].filter(([, { session: of }]) => of.connection === session.connection);
    return ours.find(([, { names }]) => names.includes(to)) ?? ours.find(([, { session: of }]) => of === session);
  }

  private respond(session: PeerSession, payload: Buffer): { to: string; bytes: Buffer } {
    const sections = readSections(payload);
    const properties = readProperties(sections.properties);
    const own = new Map([...sections.applicationProperties].map(([key, { value }]) => [key, value]));
    const operation = String(own.get("operation") ?? "");
    const { properties: status, body } = this.answer({
      session,
      operation,
      properties: own,
      body: readBody(sections.body),
    });
    const encoder = new Encoder(512);
    encoder.value(new Described(0x73, [null, null, null, null, null, messageIdBytes(sections.properties)]));
    encoder.value(new Described(0x74, status));
    encoder.value(new Described(0x77, body ?? null));
    return { to: String(properties[PROPERTY.replyTo] ?? ""), bytes: encoder.finish() };
  }
}

function send(link: OutgoingLink, waiting: Buffer[]): void {
  while (waiting.length > 0 && link.credit > 0) link.send(waiting.shift()!, Buffer.of(1), true);
}

function readBody(bytes: Buffer): unknown {
  if (bytes.length === 0) return null;
  const first = new Decoder(bytes).value();
  return first instanceof Described ? first.value : null;
}

/** The request's message id as it was encoded: the answer's correlation id must equal it, type and all. */
function messageIdBytes(properties: Buffer | undefined): Raw | null {
  if (properties === undefined) return null;
  const decoder = new Decoder(properties);
  decoder.descriptor();
  const code = decoder.byte();
  if (code === 0x45) return null;
  decoder.position += code === 0xd0 ? 8 : 2;
  return new Raw(Buffer.from(decoder.raw()));
}
