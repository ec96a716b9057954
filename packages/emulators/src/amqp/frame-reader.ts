import { AmqpError } from "./amqp-error.ts";

/**
 * Cuts a byte stream into protocol headers (8 bytes) and frames. A frame that says it is larger than allowed is refused when its
 * first four bytes are here, so no peer makes the server hold more than one frame.
 */
export class FrameReader {
  private readonly maxFrameSize: number;
  private chunks: Buffer[] = [];
  private held = 0;

  constructor(maxFrameSize: number) {
    this.maxFrameSize = maxFrameSize;
  }

  push(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.held += chunk.length;
  }

  header(): Buffer | undefined {
    return this.held < 8 ? undefined : this.take(8);
  }

  frame(): Buffer | undefined {
    if (this.held < 4) return undefined;
    const size = this.peekSize();
    if (size < 8) throw new AmqpError("amqp:connection:framing-error", `A frame of ${size} bytes.`);
    if (size > this.maxFrameSize)
      throw new AmqpError(
        "amqp:connection:framing-error",
        `A frame of ${size} bytes; the limit is ${this.maxFrameSize}.`,
      );
    return this.held < size ? undefined : this.take(size);
  }

  private peekSize(): number {
    if (this.chunks[0]!.length < 4) this.chunks = [Buffer.concat(this.chunks)];
    return this.chunks[0]!.readUInt32BE(0);
  }

  private take(size: number): Buffer {
    let first = this.chunks[0]!;
    if (first.length < size) {
      first = Buffer.concat(this.chunks);
      this.chunks = [first];
    }
    this.held -= size;
    if (first.length === size) this.chunks.shift();
    else this.chunks[0] = first.subarray(size);
    return first.subarray(0, size);
  }
}
