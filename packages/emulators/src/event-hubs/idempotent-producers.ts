import { Decoder } from "../amqp/decode.ts";
import { long, Num, short } from "../amqp/values.ts";
import { argumentError, argumentOutOfRange, outOfSequence, producerDisplaced } from "./conditions.ts";
import type { EventMessage } from "./event-message.ts";

/** The capability that a sender asks for. */
export const IDEMPOTENT_PRODUCER = "com.microsoft:idempotent-producer";
const ID = "com.microsoft:producer-id";
const EPOCH = "com.microsoft:producer-epoch";
const SEQUENCE = "com.microsoft:producer-sequence-number";

const MAX_EPOCH = 0x7fff;
const MAX_SEQUENCE = 0x7fffffff;
/** So many batches of a producer group are known again; older ones are out of order. As Kafka's brokers, whose mechanism this is. */
const KNOWN_BATCHES = 5;

type ProducerId = number | bigint;

interface Batch {
  readonly first: number;
  readonly last: number;
}

interface ProducerGroup {
  epoch: number;
  /** Of the newest event. */
  last: number;
  recent: readonly Batch[];
}

/** What a sender wants to be, or is, as link properties: each absent one is for the partition to choose. */
export interface ProducerClaim {
  readonly id?: ProducerId;
  readonly epoch?: number;
  /** The last one that the sender published. */
  readonly sequence?: number;
}

export function readClaim(properties: ReadonlyMap<unknown, unknown>): ProducerClaim {
  return toClaim((key) => properties.get(key));
}

export function writeClaim({ id, epoch, sequence }: Required<ProducerClaim>): ReadonlyMap<string, unknown> {
  return new Map<string, unknown>([
    [ID, long(id)],
    [EPOCH, short(epoch)],
    [SEQUENCE, new Num("int", sequence)],
  ]);
}

/**
 * The producer groups that publish to one partition with sequence numbers, so that a batch which is sent again is not stored again.
 * They are remembered as long as the process lives; a sender that comes back later brings its numbers along.
 */
export class Producers {
  private readonly groups = new Map<ProducerId, ProducerGroup>();
  private nextId: number;

  /** Ids of new groups count from `firstId`. */
  constructor(firstId: number) {
    this.nextId = firstId;
  }

  /** Lets a sender in and completes its claim. Throws when a higher epoch holds the group, and on numbers out of range. */
  attach(asked: ProducerClaim): Required<ProducerClaim> {
    const { epoch = 0, sequence = 0 } = asked;
    if (epoch < 0 || epoch > MAX_EPOCH)
      throw argumentOutOfRange(`The producer epoch ${epoch} is not from 0 to ${MAX_EPOCH}.`);
    if (sequence < 0) throw argumentOutOfRange(`The producer sequence number ${sequence} is negative.`);
    const id = asked.id ?? this.nextId++;
    const known = this.groups.get(id);
    if (known === undefined || epoch > known.epoch) {
      const last = asked.sequence ?? known?.last ?? 0;
      this.groups.set(id, { epoch, last, recent: [] });
      return { id, epoch, sequence: last };
    }
    if (asked.epoch !== undefined && epoch < known.epoch) throw producerDisplaced(epoch, known.epoch);
    // A sender that comes back may not know that its last batch arrived: what it says stands, and that batch is known again.
    return { id, epoch: known.epoch, sequence: asked.sequence ?? known.last };
  }

  /** Appends the batch, unless it is there already. Throws when it is not the next one, or when a higher epoch holds its group. */
  publish(events: readonly EventMessage[], append: () => void): void {
    const { id, epoch, first, last } = readBatch(events);
    const group = this.groups.get(id);
    if (group === undefined) throw argumentError(`The partition knows no producer ${id}.`);
    if (epoch < group.epoch) throw producerDisplaced(epoch, group.epoch);
    if (group.recent.some((batch) => batch.first === first && batch.last === last)) return;
    if (first !== after(group.last)) throw outOfSequence(after(group.last), first);
    append();
    group.last = last;
    group.recent = [...group.recent, { first, last }].slice(-KNOWN_BATCHES);
  }
}

const after = (sequence: number, steps = 1) => (sequence + steps) % (MAX_SEQUENCE + 1);

function readBatch(events: readonly EventMessage[]): Batch & { id: ProducerId; epoch: number } {
  const [head, ...others] = events.map(({ annotations }) => {
    const { id, epoch, sequence } = toClaim((key) => {
      const raw = annotations.get(key);
      return raw && new Decoder(raw.bytes).value();
    });
    if (id === undefined || epoch === undefined || sequence === undefined)
      throw argumentError("An event of an idempotent producer lacks its id, its epoch or its sequence number.");
    return { id, epoch, sequence };
  });
  const { id, epoch, sequence: first } = head!;
  for (const [at, { sequence }] of others.entries())
    if (sequence !== after(first, at + 1)) throw outOfSequence(after(first, at + 1), sequence);
  return { id, epoch, first, last: after(first, others.length) };
}

function toClaim(value: (key: string) => unknown): ProducerClaim {
  const [id, epoch, sequence] = [value(ID), value(EPOCH), value(SEQUENCE)];
  return {
    ...(typeof id === "number" || typeof id === "bigint" ? { id } : {}),
    ...(typeof epoch === "number" ? { epoch } : {}),
    ...(typeof sequence === "number" ? { sequence } : {}),
  };
}
