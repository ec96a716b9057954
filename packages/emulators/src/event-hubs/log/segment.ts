import type { Place } from "../event-message.ts";
import type { SegmentFile } from "./segment-file.ts";

/** An event in a log, as readers get it. `bytes` points into the log's memory and is never changed. */
export interface StoredEvent extends Place {
  readonly bytes: Buffer;
  /** So many of the bytes are the header; delivery annotations go behind them. */
  readonly headLength: number;
}

/** Length of what follows, enqueued time, offset, length of the header. */
const RECORD_HEAD = 4 + 8 + 8 + 2;
const SMALLEST = 4 * 1024;

export const recordSize = (eventBytes: number): number => RECORD_HEAD + eventBytes;

/** A run of events in one buffer. On disk, its file holds the same bytes; a sealed segment with a file can leave memory. */
export class Segment {
  readonly baseSequence: number;
  readonly baseOffset: number;
  readonly times: number[] = [];
  /** Bytes of all records. */
  size = 0;
  private readonly positions: number[] = [];
  private readonly file: SegmentFile | undefined;
  private bytes: Buffer | undefined = Buffer.allocUnsafeSlow(SMALLEST);

  constructor(baseSequence: number, baseOffset: number, file: SegmentFile | undefined) {
    this.baseSequence = baseSequence;
    this.baseOffset = baseOffset;
    this.file = file;
  }

  get count(): number {
    return this.positions.length;
  }

  get nextSequence(): number {
    return this.baseSequence + this.positions.length;
  }

  get lastTime(): number {
    return this.times.at(-1) ?? 0;
  }

  get isInMemory(): boolean {
    return this.bytes !== undefined;
  }

  append(event: Buffer, headLength: number, place: Place): void {
    const start = this.size;
    const end = start + recordSize(event.length);
    const bytes = this.room(end);
    bytes.writeUInt32BE(recordSize(event.length) - 4, start);
    bytes.writeDoubleBE(place.enqueuedAt, start + 4);
    bytes.writeDoubleBE(place.offset, start + 12);
    bytes.writeUInt16BE(headLength, start + 20);
    bytes.set(event, start + RECORD_HEAD);
    // Nothing has happened when this throws.
    this.file?.write(bytes.subarray(start, end), start);
    this.size = end;
    this.positions.push(start);
    this.times.push(place.enqueuedAt);
  }

  read(sequenceNumber: number): StoredEvent {
    const start = this.positions[sequenceNumber - this.baseSequence]!;
    const bytes = this.load();
    return {
      sequenceNumber,
      enqueuedAt: bytes.readDoubleBE(start + 4),
      offset: bytes.readDoubleBE(start + 12),
      headLength: bytes.readUInt16BE(start + 20),
      bytes: bytes.subarray(start + RECORD_HEAD, start + 4 + bytes.readUInt32BE(start)),
    };
  }

  /** The first event whose offset is at least this; `nextSequence` when there is none. Offsets are positions in the log. */
  sequenceAtOffset(offset: number): number {
    return this.baseSequence + firstWhere(this.positions, (position) => this.baseOffset + position >= offset);
  }

  /** The first event that was enqueued at this time or later. */
  sequenceAtTime(ms: number): number {
    return this.baseSequence + firstWhere(this.times, (time) => time >= ms);
  }

  /** Rebuilds the index from the file. A record that was not written to its end is dropped. */
  recover(): void {
    const bytes = this.file?.read() ?? Buffer.alloc(0);
    while (this.size + RECORD_HEAD <= bytes.length) {
      const length = bytes.readUInt32BE(this.size);
      const end = this.size + 4 + length;
      if (end > bytes.length || length < RECORD_HEAD - 4) break;
      this.positions.push(this.size);
      this.times.push(bytes.readDoubleBE(this.size + 4));
      this.size = end;
    }
    if (this.size < bytes.length) this.file?.truncate(this.size);
    this.bytes = bytes;
  }

  /** Makes the file now, not with the first event. */
  create(): void {
    this.file?.create();
  }

  /** Nothing is appended any more. */
  seal(): void {
    this.file?.close();
  }

  unload(): void {
    if (this.file !== undefined) this.bytes = undefined;
  }

  delete(): void {
    this.file?.delete();
  }

  private load(): Buffer {
    this.bytes ??= this.file!.read();
    return this.bytes;
  }

  private room(end: number): Buffer {
    let bytes = this.load();
    if (end > bytes.length) {
      // What readers were handed stays valid: it points into the old buffer, which is never written again.
      const bigger = Buffer.allocUnsafeSlow(Math.max(bytes.length * 2, end, SMALLEST));
      bytes.copy(bigger, 0, 0, this.size);
      bytes = bigger;
      this.bytes = bigger;
    }
    return bytes;
  }
}

/** Position of the first item that passes; the length when none does. The items that pass are all at the end. */
function firstWhere(items: readonly number[], passes: (item: number) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (passes(items[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}
