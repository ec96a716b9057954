import type { AmqpError } from "./amqp-error.ts";
import type { IncomingLink, IncomingLinkOptions } from "./incoming-link.ts";
import type { OutgoingLink, OutgoingLinkOptions } from "./outgoing-link.ts";
import type { PeerSession } from "./peer.ts";

/** A peer asks for a link. It may be answered at once or later, once: accepted in the direction it asked for, or refused. */
export interface AttachRequest {
  readonly session: PeerSession;
  readonly name: string;
  /** What the peer will do. */
  readonly role: "sender" | "receiver";
  /** Of the node: the target of a sender, the source of a receiver; as the peer wrote it. */
  readonly address: string;
  /** Of the other end; request-response clients name their reply address here. */
  readonly peerAddress: string | undefined;
  readonly filter: ReadonlyMap<unknown, unknown>;
  readonly properties: ReadonlyMap<unknown, unknown>;
  readonly desiredCapabilities: readonly unknown[];
  /** The peer sends settled, or wants to be sent settled: receive-and-delete. */
  readonly settled: boolean;
  /** The peer left before it was answered. */
  onAbandoned: (() => void) | undefined;
  acceptSender(options: IncomingLinkOptions, reply?: Pick<AttachReply, "properties">): IncomingLink;
  acceptReceiver(options: OutgoingLinkOptions, reply?: AttachReply): OutgoingLink;
  refuse(error: AmqpError): void;
}

export interface AttachReply {
  /** The source's filters as granted; default: as asked. */
  readonly filter?: ReadonlyMap<unknown, unknown>;
  readonly properties?: ReadonlyMap<string, unknown>;
}

/** What a server is made of: it answers every attach, in its own time. */
export interface LinkHandler {
  attach(request: AttachRequest): void;
  /** Called before answers leave: makes what they tell of last. What it throws cuts the connection, the answers unsent. */
  commit?(): void;
}
