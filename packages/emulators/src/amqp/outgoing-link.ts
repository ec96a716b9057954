import type { AmqpError } from "./amqp-error.ts";
import type { DeliveryState } from "./delivery-state.ts";
import type { LinkSession } from "./link-session.ts";
import { DISPOSITION, FLOW, performative } from "./performative.ts";
import { type Described, uint } from "./values.ts";

interface OutgoingSession extends LinkSession<OutgoingLink> {
  /** The peer takes no more frames now. */
  readonly isBlocked: boolean;
  /** Sends one message as one or more frames, within the peer's window. Returns the delivery id. */
  transfer(link: OutgoingLink, payload: Buffer, tag: Buffer, settled: boolean): number;
  /** A delivery needs no outcome any more. */
  forget(deliveryId: number): void;
}

export interface OutgoingLinkOptions {
  /** Credit came, or the socket has room again: send what there is, at once. A drain is answered when this returns. */
  readonly onCredit: () => void;
  /** The receiver spoke about a delivery. `settled`: it wants no answer. */
  readonly onDisposition?: (
    tag: Buffer,
    deliveryId: number,
    state: DeliveryState | undefined,
    settled: boolean,
  ) => void;
  readonly onClosed?: () => void;
}

/** A link on which the peer receives. */
export class OutgoingLink {
  readonly session: OutgoingSession;
  readonly handle: number;
  readonly name: string;
  private readonly options: OutgoingLinkOptions;
  private deliveryCount = 0;
  private linkCredit = 0;
  private closed = false;

  constructor(session: OutgoingSession, handle: number, name: string, options: OutgoingLinkOptions) {
    this.session = session;
    this.handle = handle;
    this.name = name;
    this.options = options;
  }

  /** How many messages may be sent now: none while the peer reads too slowly, or its session has no room. */
  get credit(): number {
    const isHeldUp = this.closed || this.session.isBlocked || this.session.connection.congested;
    return isHeldUp ? 0 : this.linkCredit;
  }

  /** Sends one message; the caller has looked at `credit`. Returns the delivery id. */
  send(payload: Buffer, tag: Buffer, settled: boolean): number {
    this.linkCredit -= 1;
    this.deliveryCount = (this.deliveryCount + 1) >>> 0;
    return this.session.transfer(this, payload, tag, settled);
  }

  /** Answers a disposition. */
  settle(deliveryId: number, state: Described): void {
    this.session.forget(deliveryId);
    if (this.closed) return;
    this.session.write(performative(DISPOSITION, [false, uint(deliveryId), uint(deliveryId), true, state]));
  }

  close(error?: AmqpError): void {
    this.session.detach(this, error);
  }

  /** A flow frame of the peer. */
  flow(deliveryCount: number, linkCredit: number, drain: boolean, echo: boolean): void {
    if (this.closed) return;
    const credit = (deliveryCount + linkCredit - this.deliveryCount) | 0;
    this.linkCredit = Math.max(0, credit);
    this.options.onCredit();
    if (drain && !this.closed) {
      this.deliveryCount = (this.deliveryCount + this.linkCredit) >>> 0;
      this.linkCredit = 0;
    }
    // A drain is answered even when there was no credit: the SDKs wait for it before they let a link go.
    if ((drain || echo) && !this.closed) this.sendFlow(drain);
  }

  wake(): void {
    if (!this.closed && this.linkCredit > 0) this.options.onCredit();
  }

  disposition(tag: Buffer, deliveryId: number, state: DeliveryState | undefined, settled: boolean): void {
    this.options.onDisposition?.(tag, deliveryId, state, settled);
  }

  /** Told by the session when the link is over, whoever ended it. */
  gone(): void {
    if (this.closed) return;
    this.closed = true;
    this.options.onClosed?.();
  }

  private sendFlow(drain: boolean): void {
    this.session.write(
      performative(FLOW, [
        ...this.session.flowFields(),
        uint(this.handle),
        uint(this.deliveryCount),
        uint(this.linkCredit),
        uint(0),
        drain,
      ]),
    );
  }
}
