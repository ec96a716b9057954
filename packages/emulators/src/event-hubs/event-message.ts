import { AmqpError } from "../amqp/amqp-error.ts";
import { Decoder } from "../amqp/decode.ts";
import { Encoder } from "../amqp/encode.ts";
import { Described, long, Raw, sym, timestamp } from "../amqp/values.ts";

const PARTITION_KEY = "x-opt-partition-key";

/** An event as its sender wrote it, taken apart only as far as the annotations: all else stays the bytes that came. */
export interface EventMessage {
  /** The header section, or nothing. */
  readonly header: Buffer;
  /** The section of the delivery annotations, or nothing. */
  readonly deliveryAnnotations: Buffer;
  readonly annotations: ReadonlyMap<string, Raw>;
  readonly partitionKey: string | undefined;
  /** From the properties on. */
  readonly rest: Buffer;
}

/** What the partition adds. */
export interface Place {
  readonly sequenceNumber: number;
  readonly offset: number;
  /** Milliseconds since 1970. */
  readonly enqueuedAt: number;
}

const SECTIONS: ReadonlyMap<unknown, number> = new Map([
  ["amqp:header:list", 0x70],
  ["amqp:delivery-annotations:map", 0x71],
  ["amqp:message-annotations:map", 0x72],
  ["amqp:properties:list", 0x73],
  ["amqp:application-properties:map", 0x74],
  ["amqp:data:binary", 0x75],
  ["amqp:amqp-sequence:list", 0x76],
  ["amqp:amqp-value:*", 0x77],
  ["amqp:footer:map", 0x78],
]);
const HEADER = 0x70;
const DELIVERY_ANNOTATIONS = 0x71;
const ANNOTATIONS = 0x72;
const DATA = 0x75;
const SEQUENCE = 0x76;
const BATCH_FORMAT = 0x80013700;
const NOTHING: Buffer = Buffer.alloc(0);
const malformed = (what: string) => new AmqpError("amqp:decode-error", what);

/** The events of one transfer: of a batch, all; of any other message, one. Throws `amqp:decode-error`. Points into `payload`. */
export function readEvents(payload: Buffer, format: number): EventMessage[] {
  if (format !== BATCH_FORMAT) return [readEvent(payload)];
  const envelope = readEvent(payload);
  const events: EventMessage[] = [];
  const decoder = new Decoder(envelope.rest);
  while (decoder.remaining > 0) {
    if (sectionCode(decoder) !== DATA) {
      decoder.skip();
      continue;
    }
    const inner = decoder.value();
    if (!Buffer.isBuffer(inner)) throw malformed("A batch holds encoded messages.");
    const event = readEvent(inner);
    // The envelope's key is the batch's key.
    const key = envelope.annotations.get(PARTITION_KEY);
    events.push(
      key === undefined || envelope.partitionKey === undefined
        ? event
        : {
            ...event,
            partitionKey: envelope.partitionKey,
            annotations: new Map([...event.annotations, [PARTITION_KEY, key]]),
          },
    );
  }
  if (events.length === 0) throw malformed("A batch without events.");
  return events;
}

function readEvent(bytes: Buffer): EventMessage {
  const decoder = new Decoder(bytes);
  let header: Buffer = NOTHING;
  let deliveryAnnotations: Buffer = NOTHING;
  let annotations: ReadonlyMap<string, Raw> = new Map();
  let partitionKey: string | undefined;
  const others: { code: number; section: Buffer }[] = [];
  let last = 0;
  let isInOrder = true;
  let seen = 0;
  while (decoder.remaining > 0) {
    const start = decoder.position;
    const code = sectionCode(decoder);
    if (code !== DATA && code !== SEQUENCE && seen & (1 << (code - HEADER)))
      throw malformed("A message section comes twice.");
    seen |= 1 << (code - HEADER);
    // Microsoft's Python client writes the delivery annotations last, and the service takes them.
    isInOrder &&= code >= last;
    last = code;
    if (code === ANNOTATIONS) {
      const read = readAnnotations(decoder.raw());
      annotations = read.entries;
      partitionKey = read.partitionKey;
      continue;
    }
    decoder.skip();
    const section = bytes.subarray(start, decoder.position);
    if (code === HEADER) header = section;
    else if (code === DELIVERY_ANNOTATIONS) deliveryAnnotations = section;
    else others.push({ code, section });
  }
  return { header, deliveryAnnotations, annotations, partitionKey, rest: joined(bytes, others, isInOrder) };
}

/** The sections in the order that receivers expect. */
function joined(bytes: Buffer, sections: { code: number; section: Buffer }[], isInOrder: boolean): Buffer {
  const [first] = sections;
  if (first === undefined) return NOTHING;
  if (isInOrder) return bytes.subarray(first.section.byteOffset - bytes.byteOffset);
  return Buffer.concat(sections.sort((a, b) => a.code - b.code).map(({ section }) => section));
}

function sectionCode(decoder: Decoder): number {
  const descriptor = decoder.descriptor();
  const code = typeof descriptor === "string" ? SECTIONS.get(descriptor) : descriptor;
  if (code === undefined || code < HEADER || code > 0x78) throw malformed("An unknown message section.");
  return code;
}

function readAnnotations(section: Buffer): { entries: Map<string, Raw>; partitionKey: string | undefined } {
  const decoder = new Decoder(section);
  const code = decoder.byte();
  if (code !== 0xc1 && code !== 0xd1) throw malformed("Annotations are a map.");
  const read = () => (code === 0xd1 ? decoder.uint32() : decoder.byte());
  read();
  const count = read();
  const entries = new Map<string, Raw>();
  let partitionKey: string | undefined;
  for (let at = 0; at + 1 < count; at += 2) {
    const key = String(decoder.value());
    const raw = decoder.raw();
    entries.set(key, new Raw(raw));
    if (key !== PARTITION_KEY) continue;
    const value = new Decoder(raw).value();
    if (value !== null) partitionKey = String(value);
  }
  return { entries, partitionKey };
}

/** The bytes that readers get. `headLength` of them come before the place of the delivery annotations. */
export function writeEvent(event: EventMessage, place: Place): { bytes: Buffer; headLength: number } {
  const encoder = new Encoder(event.header.length + event.deliveryAnnotations.length + event.rest.length + 256);
  encoder.copy(event.header).copy(event.deliveryAnnotations);
  const annotations = new Map<unknown, unknown>();
  for (const [key, raw] of event.annotations) if (!OURS.has(key)) annotations.set(sym(key), raw);
  annotations.set(sym("x-opt-sequence-number"), long(place.sequenceNumber));
  annotations.set(sym("x-opt-offset"), String(place.offset));
  annotations.set(sym("x-opt-enqueued-time"), timestamp(place.enqueuedAt));
  encoder.value(new Described(ANNOTATIONS, annotations));
  encoder.copy(event.rest);
  return { bytes: encoder.finish(), headLength: event.header.length };
}

/** A written event with more delivery annotations than its sender gave it. */
export function withDeliveryAnnotations(
  bytes: Buffer,
  headLength: number,
  added: ReadonlyMap<string, unknown>,
): Buffer {
  const decoder = new Decoder(bytes, headLength);
  let rest = bytes.subarray(headLength);
  const annotations = new Map<unknown, unknown>();
  if (sectionCode(decoder) === DELIVERY_ANNOTATIONS) {
    for (const [key, raw] of readAnnotations(decoder.raw()).entries) annotations.set(sym(key), raw);
    rest = bytes.subarray(decoder.position);
  }
  for (const [key, value] of added) annotations.set(sym(key), value);
  return new Encoder(bytes.length + 256)
    .copy(bytes.subarray(0, headLength))
    .value(new Described(DELIVERY_ANNOTATIONS, annotations))
    .copy(rest)
    .finish();
}

const OURS: ReadonlySet<string> = new Set(["x-opt-sequence-number", "x-opt-offset", "x-opt-enqueued-time"]);
