import type { AmqpError } from "./amqp-error.ts";
import type { LinkSession } from "./link-session.ts";
import { DISPOSITION, FLOW, performative } from "./performative.ts";
import { type Described, uint } from "./values.ts";

/** What a transfer frame says of the message that it is a part of. */
export interface DeliveryHead {
  readonly id: number;
  readonly format: number;
  readonly settled: boolean;
  readonly more: boolean;
  readonly aborted: boolean;
}

/** One message from the peer, complete. */
export interface IncomingDelivery {
  readonly id: number;
  readonly format: number;
  readonly payload: Buffer;
  /** The link's limit was passed; the payload is empty then. */
  readonly tooLarge: boolean;
  /** Answers the sender. Nothing is written when it sent settled, or when its link is gone. */
  settle(state: Described): void;
}

export interface IncomingLinkOptions {
  readonly maxMessageSize: number;
  /** Credit that is kept open for the sender. Default 500. */
  readonly window?: number;
  readonly onDelivery: (delivery: IncomingDelivery) => void;
  readonly onClosed?: () => void;
}

/** A link on which the peer sends. */
export class IncomingLink {
  readonly session: LinkSession<IncomingLink>;
  readonly handle: number;
  readonly name: string;
  private readonly options: IncomingLinkOptions;
  private deliveryCount: number;
  private credit = 0;
  private current: { head: DeliveryHead; parts: Buffer[]; size: number } | undefined;
  private closed = false;

  constructor(
    session: LinkSession<IncomingLink>,
    handle: number,
    name: string,
    initialDeliveryCount: number,
    options: IncomingLinkOptions,
  ) {
    this.session = session;
    this.handle = handle;
    this.name = name;
    this.options = options;
    this.deliveryCount = initialDeliveryCount;
  }

  /** Opens the window: to be called in the tick of the attach, else the peer waits a second before its first send. */
  grant(): void {
    this.credit = this.options.window ?? 500;
    this.flow();
  }

  /** Takes one transfer frame. */
  transfer(head: DeliveryHead, payload: Buffer): void {
    if (this.closed) return;
    const current = this.current ?? { head, parts: [], size: 0 };
    this.current = current;
    if (head.aborted) {
      this.current = undefined;
      this.used();
      return;
    }
    current.size += payload.length;
    if (current.size <= this.options.maxMessageSize) current.parts.push(payload);
    else current.parts.length = 0;
    if (head.more) return;
    this.current = undefined;
    this.used();
    const tooLarge = current.size > this.options.maxMessageSize;
    const { id, format } = current.head;
    const settled = current.head.settled || head.settled;
    this.options.onDelivery({
      id,
      format,
      // Copied: the bytes of a socket read would otherwise live as long as the smallest message in them.
      payload: tooLarge ? Buffer.alloc(0) : Buffer.concat(current.parts),
      tooLarge,
      settle: (state) => {
        if (settled || this.closed) return;
        this.session.write(performative(DISPOSITION, [true, uint(id), uint(id), true, state]));
      },
    });
  }

  close(error?: AmqpError): void {
    this.session.detach(this, error);
  }

  /** Told by the session when the link is over, whoever ended it. */
  gone(): void {
    if (this.closed) return;
    this.closed = true;
    this.current = undefined;
    this.options.onClosed?.();
  }

  private used(): void {
    this.deliveryCount = (this.deliveryCount + 1) >>> 0;
    this.credit -= 1;
    const window = this.options.window ?? 500;
    if (this.credit <= window / 2) {
      this.credit = window;
      this.flow();
    }
  }

  private flow(): void {
    this.session.write(
      performative(FLOW, [
        ...this.session.flowFields(),
        uint(this.handle),
        uint(this.deliveryCount),
        uint(this.credit),
      ]),
    );
  }
}
