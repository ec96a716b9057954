import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

const { O_RDWR, O_CREAT } = constants;

/** The bytes of one segment in a file. Written at once, before the sender hears of it; not forced to the disk. */
export class SegmentFile {
  private readonly path: string;
  private descriptor: number | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** Makes it, when it is not there: its name remembers the numbers, even when nothing is ever written in it. */
  create(): void {
    this.descriptor ??= openSync(this.path, O_RDWR | O_CREAT);
  }

  /** Writes at this position. When it throws, the next write to the same position makes good what was left there. */
  write(bytes: Buffer, position: number): void {
    this.create();
    for (let done = 0; done < bytes.length; )
      done += writeSync(this.descriptor!, bytes, done, bytes.length - done, position + done);
  }

  read(): Buffer {
    return readFileSync(this.path);
  }

  truncate(size: number): void {
    truncateSync(this.path, size);
  }

  close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
  }

  delete(): void {
    this.close();
    rmSync(this.path, { force: true });
  }
}

const NAME = /^(\d+)-(\d+)\.log$/;

/** The folder of one partition. Each file is named after the first sequence number and the first offset that belong in it. */
export class SegmentFolder {
  private readonly path: string;

  constructor(path: string) {
    this.path = path;
    mkdirSync(path, { recursive: true });
  }

  file(baseSequence: number, baseOffset: number): SegmentFile {
    return new SegmentFile(join(this.path, `${baseSequence}-${baseOffset}.log`));
  }

  /** What is there, the oldest first. */
  list(): { baseSequence: number; baseOffset: number }[] {
    return readdirSync(this.path)
      .map((name) => NAME.exec(name))
      .filter((match) => match !== null)
      .map((match) => ({ baseSequence: Number(match[1]), baseOffset: Number(match[2]) }))
      .sort((a, b) => a.baseSequence - b.baseSequence);
  }
}
