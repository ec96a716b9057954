import { positionBeyondEnd } from "../conditions.ts";
import { type EventMessage, type Place, writeEvent } from "../event-message.ts";
import type { StartPosition } from "../start-position.ts";
import { recordSize, Segment, type StoredEvent } from "./segment.ts";
import type { SegmentFolder } from "./segment-file.ts";

export interface Retention {
  /** An event that is older is gone. */
  readonly retentionMs: number;
  /** Of one partition: beyond it, the oldest events go. */
  readonly retentionBytes: number;
}

const SEGMENT_BYTES = 1024 * 1024;
/** Sealed segments with a file that stay in memory after being read. */
const LOADED = 4;

/**
 * The events of one partition, in order. Sequence numbers start at 0 and have no gaps; offsets are positions in bytes, so that nobody
 * takes one for the other. Neither starts again when events are removed. Synchronous; the time is given by the caller.
 */
export class PartitionLog {
  private readonly retention: Retention;
  private readonly folder: SegmentFolder | undefined;
  private readonly segments: Segment[];
  private loaded: Segment[] = [];
  private begin: number;
  private total = 0;
  /** The newest event ever, also when it is gone. */
  private newest: Place | undefined;

  constructor(retention: Retention, folder?: SegmentFolder) {
    this.retention = retention;
    this.folder = folder;
    this.segments = this.recover();
    this.begin = this.segments[0]!.baseSequence;
  }

  get beginSequence(): number {
    return this.begin;
  }

  /** Of the event that comes next. */
  get nextSequence(): number {
    return this.active.nextSequence;
  }

  get isEmpty(): boolean {
    return this.begin === this.nextSequence;
  }

  /** The newest event, or undefined when there never was one. */
  get last(): Place | undefined {
    return this.newest;
  }

  get bytes(): number {
    return this.total;
  }

  append(events: readonly EventMessage[], now: number): void {
    // Time never runs backwards within a partition, whatever the machine's clock does.
    const enqueuedAt = Math.max(now, this.newest?.enqueuedAt ?? 0);
    for (const event of events) {
      const place = { sequenceNumber: this.nextSequence, offset: this.nextOffset, enqueuedAt };
      const { bytes, headLength } = writeEvent(event, place);
      if (this.active.count > 0 && this.active.size + recordSize(bytes.length) > SEGMENT_BYTES) this.roll();
      this.active.append(bytes, headLength, place);
      this.total += recordSize(bytes.length);
      this.newest = place;
    }
    this.trim(now);
  }

  /** The event with this number; when it is gone, the oldest that is left. Undefined at the end. */
  read(sequenceNumber: number): StoredEvent | undefined {
    const wanted = Math.max(sequenceNumber, this.begin);
    if (wanted >= this.nextSequence) return undefined;
    const segment = this.segmentOf(wanted);
    if (!segment.isInMemory) this.keepLoaded(segment);
    return segment.read(wanted);
  }

  /** The number of the first event for a reader that starts there. Throws an argument error when the position is not reached yet. */
  resolve(position: StartPosition): number {
    switch (position.kind) {
      case "earliest":
        return this.begin;
      case "latest":
        return this.nextSequence;
      case "sequenceNumber": {
        const last = this.nextSequence - 1;
        if (position.value > last) throw positionBeyondEnd("sequence number", String(position.value), String(last));
        return Math.max(this.begin, position.inclusive ? position.value : position.value + 1);
      }
      case "offset": {
        const last = this.newest?.offset ?? -1;
        if (position.value > last) throw positionBeyondEnd("offset", String(position.value), String(last));
        const offset = position.inclusive ? position.value : position.value + 1;
        return this.first((segment) => segment.sequenceAtOffset(offset));
      }
      case "enqueuedAt": {
        const ms = position.inclusive ? position.value : position.value + 1;
        return this.first((segment) => segment.sequenceAtTime(ms));
      }
    }
  }

  /** Removes what is too old and what is too much. Returns when the oldest event will be too old, if there is one. */
  trim(now: number): number | undefined {
    const oldest = now - this.retention.retentionMs;
    while (!this.isEmpty) {
      const first = this.segments[0]!;
      const isOver = this.total > this.retention.retentionBytes && this.segments.length > 1;
      if (first.lastTime >= oldest && !isOver) break;
      this.total -= first.size;
      // The last segment's end must be known after all is gone: a new one takes its place.
      if (this.segments.length === 1) this.roll();
      this.segments.shift()!.delete();
      this.begin = this.segments[0]!.baseSequence;
    }
    if (this.isEmpty) return undefined;
    const first = this.segments[0]!;
    this.begin = Math.max(this.begin, first.sequenceAtTime(oldest));
    return first.times[this.begin - first.baseSequence]! + this.retention.retentionMs;
  }

  /** Ends writing. The files stay. */
  close(): void {
    this.active.seal();
  }

  private get active(): Segment {
    return this.segments.at(-1)!;
  }

  private get nextOffset(): number {
    return this.active.baseOffset + this.active.size;
  }

  private first(find: (segment: Segment) => number): number {
    for (const segment of this.segments) {
      const found = find(segment);
      if (found < segment.nextSequence) return Math.max(found, this.begin);
    }
    return this.nextSequence;
  }

  private segmentOf(sequenceNumber: number): Segment {
    let low = 0;
    let high = this.segments.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.segments[middle]!.baseSequence <= sequenceNumber) low = middle;
      else high = middle - 1;
    }
    return this.segments[low]!;
  }

  private roll(): void {
    const { active } = this;
    active.seal();
    active.unload();
    const next = this.newSegment(active.nextSequence, active.baseOffset + active.size);
    next.create();
    this.segments.push(next);
  }

  private newSegment(baseSequence: number, baseOffset: number): Segment {
    return new Segment(baseSequence, baseOffset, this.folder?.file(baseSequence, baseOffset));
  }

  private keepLoaded(segment: Segment): void {
    this.loaded.push(segment);
    while (this.loaded.length > LOADED) this.loaded.shift()!.unload();
  }

  private recover(): Segment[] {
    const segments = (this.folder?.list() ?? []).map(({ baseSequence, baseOffset }) => {
      const segment = this.newSegment(baseSequence, baseOffset);
      segment.recover();
      if (segment.count > 0) {
        const { sequenceNumber, offset, enqueuedAt } = segment.read(segment.nextSequence - 1);
        this.newest = { sequenceNumber, offset, enqueuedAt };
      }
      this.total += segment.size;
      return segment;
    });
    for (const segment of segments.slice(0, -1)) segment.unload();
    return segments.length === 0 ? [this.newSegment(0, 0)] : segments;
  }
}
