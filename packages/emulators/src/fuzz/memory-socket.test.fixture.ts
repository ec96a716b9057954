import { Duplex } from "node:stream";

/** A peer's socket without a network: what it sends is pushed, what it is sent is collected. */
export class MemorySocket extends Duplex {
  readonly received: Buffer[] = [];

  constructor() {
    super({ allowHalfOpen: false });
  }

  override _read(): void {
    // What the peer sends is pushed when it is sent.
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.received.push(chunk);
    done();
  }

  /** Sends all of it, and goes. */
  sendAndEnd(bytes: Buffer): void {
    this.push(bytes);
    this.push(null);
  }
}

/** What a server of AMQP wrote, cut into headers and frames. Throws when it is none of both. */
export function framesOf(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (bytes.toString("latin1", at, at + 4) === "AMQP") {
      at += 8;
      continue;
    }
    const size = bytes.length - at < 8 ? 0 : bytes.readUInt32BE(at);
    if (size < 8 || at + size > bytes.length) throw new Error(`A broken frame at ${at}: ${bytes.toString("hex", at)}`);
    frames.push(bytes.subarray(at, at + size));
    at += size;
  }
  return frames;
}
