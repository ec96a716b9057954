import { AmqpError } from "./amqp-error.ts";
import { Decoder } from "./decode.ts";
import { Encoder } from "./encode.ts";
import { Described, Raw, sym, ubyte, uint } from "./values.ts";

/** One entry of an annotations or application-properties map: the value, and the bytes that it came in. */
export interface Entry {
  readonly value: unknown;
  readonly raw: Raw;
}

export type Entries = ReadonlyMap<string, Entry>;

/** An entry for a value that did not come over the wire. */
export function entry(value: unknown): Entry {
  const raw = new Raw(new Encoder(32).value(value).finish());
  return { value, raw };
}

export interface Header {
  readonly durable: boolean;
  readonly priority: number | undefined;
  readonly ttlMs: number | undefined;
  readonly firstAcquirer: boolean | undefined;
}

/**
 * A message taken apart as far as a broker must: header, both kinds of annotations and application properties are rebuilt on the way out;
 * properties, body and footer stay the bytes that the sender wrote, so that no type is lost by decoding and encoding again.
 */
export interface Sections {
  readonly header: Header;
  readonly deliveryAnnotations: Entries;
  readonly annotations: Entries;
  /** The whole section, or undefined when the sender left it out. */
  readonly properties: Buffer | undefined;
  readonly applicationProperties: Entries;
  /** Every body section and the footer. */
  readonly body: Buffer;
}

const NO_HEADER: Header = { durable: false, priority: undefined, ttlMs: undefined, firstAcquirer: undefined };
const NO_ENTRIES: Entries = new Map();
const malformed = (what: string) => new AmqpError("amqp:decode-error", what);

const FOOTER = 0x78;
const CODES: Readonly<Record<string, number>> = {
  "amqp:header:list": 0x70,
  "amqp:delivery-annotations:map": 0x71,
  "amqp:message-annotations:map": 0x72,
  "amqp:properties:list": 0x73,
  "amqp:application-properties:map": 0x74,
  "amqp:data:binary": 0x75,
  "amqp:amqp-sequence:list": 0x76,
  "amqp:amqp-value:*": 0x77,
  "amqp:footer:map": 0x78,
};

/**
 * Throws `amqp:decode-error` when the bytes are no message. The sections may stand in any order, as the service takes them: the SDKs for
 * JavaScript and Python do not keep the one of the specification. The result points into `bytes`.
 */
export function readSections(bytes: Buffer): Sections {
  const decoder = new Decoder(bytes);
  let header = NO_HEADER;
  let deliveryAnnotations = NO_ENTRIES;
  let annotations = NO_ENTRIES;
  let properties: Buffer | undefined;
  let applicationProperties = NO_ENTRIES;
  const body: Buffer[] = [];
  let footer: Buffer | undefined;
  while (decoder.remaining > 0) {
    const start = decoder.position;
    const descriptor = decoder.descriptor();
    const code = typeof descriptor === "string" ? CODES[descriptor] : descriptor;
    if (code === undefined || code < 0x70 || code > 0x78) throw malformed("An unknown message section.");
    if (code >= 0x75) {
      decoder.skip();
      const section = bytes.subarray(start, decoder.position);
      if (code === FOOTER) footer = section;
      else body.push(section);
    } else {
      const section = decoder.raw();
      if (code === 0x70) header = readHeader(section);
      else if (code === 0x71) deliveryAnnotations = readEntries(section);
      else if (code === 0x72) annotations = readEntries(section);
      else if (code === 0x73) properties = bytes.subarray(start, decoder.position);
      else if (code === 0x74) applicationProperties = readEntries(section);
    }
  }
  return {
    header,
    deliveryAnnotations,
    annotations,
    properties,
    applicationProperties,
    // Mostly one section, which is not copied.
    body: footer === undefined && body.length === 1 ? body[0]! : Buffer.concat(footer ? [...body, footer] : body),
  };
}

function readHeader(section: Buffer): Header {
  const fields = new Decoder(section).value();
  if (!Array.isArray(fields)) throw malformed("A header is a list.");
  // What most messages have is kept once: a queue holds many of them.
  if (fields.every((field, at) => field === null || (at === 0 && field === false))) return NO_HEADER;
  return {
    durable: fields[0] === true,
    priority: typeof fields[1] === "number" ? fields[1] : undefined,
    ttlMs: typeof fields[2] === "number" ? fields[2] : undefined,
    firstAcquirer: typeof fields[3] === "boolean" ? fields[3] : undefined,
  };
}

function readEntries(section: Buffer): Entries {
  const decoder = new Decoder(section);
  const code = decoder.byte();
  if (code !== 0xc1 && code !== 0xd1) throw malformed("Annotations and application properties are maps.");
  const wide = code === 0xd1;
  if (wide) decoder.uint32();
  else decoder.byte();
  const count = wide ? decoder.uint32() : decoder.byte();
  const entries = new Map<string, Entry>();
  for (let at = 0; at + 1 < count; at += 2) {
    const key = decoder.value();
    const start = decoder.position;
    const value = decoder.value();
    entries.set(String(key), { value, raw: new Raw(section.subarray(start, decoder.position)) });
  }
  return entries;
}

/** The fields of a properties section by their position; see `PROPERTY`. */
export function readProperties(section: Buffer | undefined): readonly unknown[] {
  if (section === undefined) return [];
  const value = new Decoder(section).value();
  if (!(value instanceof Described) || !Array.isArray(value.value)) throw malformed("Properties are a list.");
  return value.value;
}

/** Positions in the properties list. */
export const PROPERTY = {
  messageId: 0,
  userId: 1,
  to: 2,
  subject: 3,
  replyTo: 4,
  correlationId: 5,
  contentType: 6,
  contentEncoding: 7,
  absoluteExpiryTime: 8,
  creationTime: 9,
  groupId: 10,
  groupSequence: 11,
  replyToGroupId: 12,
} as const;

/** The properties section with some fields replaced; the others keep their bytes. */
export function withProperties(section: Buffer | undefined, changes: ReadonlyMap<number, unknown>): Buffer {
  const fields = rawFields(section);
  for (const [position, value] of changes) {
    while (fields.length <= position) fields.push(null);
    fields[position] = value;
  }
  return new Encoder().value(new Described(0x73, fields)).finish();
}

function rawFields(section: Buffer | undefined): unknown[] {
  if (section === undefined) return [];
  const decoder = new Decoder(section);
  decoder.descriptor();
  const code = decoder.byte();
  if (code === 0x45) return [];
  if (code === 0xd0) decoder.uint32();
  else decoder.byte();
  const count = code === 0xd0 ? decoder.uint32() : decoder.byte();
  return Array.from({ length: count }, () => new Raw(decoder.raw()));
}

export interface Outgoing {
  readonly deliveryCount?: number;
  readonly ttlMs?: number | undefined;
  /** Set beside, and over, those that the message has; `annotations` too. */
  readonly deliveryAnnotations?: ReadonlyMap<string, unknown>;
  readonly annotations?: ReadonlyMap<string, unknown>;
  readonly omitBody?: boolean;
}

/** The message as it goes to a receiver. */
export function writeSections(message: Sections, out: Outgoing): Buffer {
  const encoder = new Encoder(message.body.length + 512);
  const { durable, priority, firstAcquirer } = message.header;
  encoder.value(
    new Described(0x70, [
      durable,
      priority === undefined ? null : ubyte(priority),
      out.ttlMs === undefined ? null : uint(Math.min(out.ttlMs, 0xffffffff)),
      firstAcquirer ?? null,
      uint(out.deliveryCount ?? 0),
    ]),
  );
  const write = (code: number, own: Entries, set: ReadonlyMap<string, unknown> = new Map()) => {
    const all = new Map<string, unknown>();
    for (const [key, { raw }] of own) all.set(key, raw);
    for (const [key, value] of set) all.set(key, value);
    if (all.size > 0) encoder.value(new Described(code, symbolKeys(all)));
  };
  write(0x71, message.deliveryAnnotations, out.deliveryAnnotations);
  write(0x72, message.annotations, out.annotations);
  if (message.properties !== undefined) encoder.copy(message.properties);
  if (message.applicationProperties.size > 0) {
    const properties = new Map([...message.applicationProperties].map(([key, { raw }]) => [key, raw]));
    encoder.value(new Described(0x74, properties));
  }
  if (out.omitBody === true) encoder.value(new Described(0x77, null));
  else encoder.copy(message.body);
  return encoder.finish();
}

function symbolKeys(map: ReadonlyMap<string, unknown>): Map<unknown, unknown> {
  const out = new Map<unknown, unknown>();
  for (const [key, value] of map) out.set(sym(key), value);
  return out;
}
