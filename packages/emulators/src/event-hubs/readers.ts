import type { AmqpError } from "../amqp/amqp-error.ts";
import { displaced, type Epoch, epochExists, lowerEpoch, tooManyReaders } from "./conditions.ts";

/** One receiving link, or whoever claims the place of one. */
export interface Reader {
  readonly name: string;
  /** Absent: it shares the partition with others. */
  readonly epoch: Epoch | undefined;
  /** The next event that it gets; undefined when it only holds the place. */
  readonly next: number | undefined;
  disconnect(error: AmqpError): void;
}

const MAX_SHARING = 5;

/**
 * Who reads one partition in one consumer group: either one reader with an epoch, or up to five without.
 *
 * A reader with an epoch sends away everyone whose epoch is the same, lower or missing, and is itself refused while a higher one is
 * there. Nothing is remembered of a reader that left.
 */
export class Readers {
  private readonly present = new Set<Reader>();

  *[Symbol.iterator](): Generator<Reader> {
    yield* this.present;
  }

  /** Lets it in, or throws the reason why not. */
  admit(reader: Reader): void {
    const owner = [...this.present].find(({ epoch }) => epoch !== undefined);
    if (reader.epoch === undefined) {
      if (owner !== undefined) throw epochExists(owner.epoch!);
      if (this.present.size >= MAX_SHARING)
        throw tooManyReaders(
          MAX_SHARING,
          [...this.present].map(({ name }) => name),
        );
    } else {
      if (owner !== undefined && owner.epoch! > reader.epoch)
        throw lowerEpoch(owner.name, owner.epoch!, reader.name, reader.epoch);
      for (const other of [...this.present]) {
        this.present.delete(other);
        other.disconnect(displaced(reader.name, reader.epoch, other.name, other.epoch));
      }
    }
    this.present.add(reader);
  }

  leave(reader: Reader): void {
    this.present.delete(reader);
  }
}
