import { AmqpError } from "./amqp-error.ts";
import { Decoder } from "./decode.ts";
import { Encoder } from "./encode.ts";
import { Described, Raw, sym } from "./values.ts";

/** Descriptor codes of the performatives. */
export const OPEN = 0x10;
export const BEGIN = 0x11;
export const ATTACH = 0x12;
export const FLOW = 0x13;
export const TRANSFER = 0x14;
export const DISPOSITION = 0x15;
export const DETACH = 0x16;
export const END = 0x17;
export const CLOSE = 0x18;
export const SASL_MECHANISMS = 0x40;
export const SASL_INIT = 0x41;
export const SASL_OUTCOME = 0x44;
const ERROR = 0x1d;

/** Some clients name a descriptor by its symbol. */
const BY_SYMBOL: ReadonlyMap<string, number> = new Map(
  Object.entries({
    "amqp:open:list": OPEN,
    "amqp:begin:list": BEGIN,
    "amqp:attach:list": ATTACH,
    "amqp:flow:list": FLOW,
    "amqp:transfer:list": TRANSFER,
    "amqp:disposition:list": DISPOSITION,
    "amqp:detach:list": DETACH,
    "amqp:end:list": END,
    "amqp:close:list": CLOSE,
    "amqp:sasl-init:list": SASL_INIT,
  }),
);

export interface Performative {
  readonly code: number;
  readonly fields: readonly unknown[];
  /** The fields' bytes as they came, for what is echoed. */
  readonly raw: readonly Buffer[];
}

/** Reads a performative; leaves the decoder at the payload behind it. */
export function readPerformative(decoder: Decoder): Performative {
  const descriptor = decoder.descriptor();
  const code = typeof descriptor === "string" ? BY_SYMBOL.get(descriptor) : descriptor;
  if (code === undefined) throw new AmqpError("amqp:decode-error", "An unknown performative.");
  const listBytes = decoder.raw();
  const fields = new Decoder(listBytes).value();
  if (!Array.isArray(fields)) throw new AmqpError("amqp:decode-error", "A performative is a list.");
  return { code, fields, raw: code === ATTACH ? rawItems(listBytes, fields.length) : [] };
}

function rawItems(listBytes: Buffer, count: number): Buffer[] {
  const decoder = new Decoder(listBytes);
  const code = decoder.byte();
  if (code !== 0x45) decoder.position += code === 0xd0 ? 8 : 2;
  return Array.from({ length: count }, () => decoder.raw());
}

/** One frame without payload, or the head of one: `payloadSize` bytes are to follow. */
export function frame(channel: number, performative: Described, payloadSize = 0, type = 0): Buffer {
  const encoder = new Encoder(64);
  encoder.uint32(0).byte(2).byte(type).uint16(channel).value(performative);
  const bytes = encoder.finish();
  bytes.writeUInt32BE(bytes.length + payloadSize, 0);
  return bytes;
}

export const EMPTY_FRAME: Buffer = Buffer.from([0, 0, 0, 8, 2, 0, 0, 0]);

/** Microsoft's Python client reads these fields by number and fails on a list that ends before them, though the specification allows that. */
const WRITTEN_OUT: ReadonlyMap<number, number> = new Map([
  [OPEN, 10],
  [BEGIN, 8],
  [ATTACH, 14],
  [FLOW, 11],
  [TRANSFER, 11],
  [DISPOSITION, 6],
  [ERROR, 3],
]);

/** A performative; trailing nulls are left out, but for those that some clients want to see. */
export function performative(code: number, fields: readonly unknown[]): Described {
  const least = WRITTEN_OUT.get(code);
  if (least !== undefined)
    return new Described(
      code,
      Array.from({ length: Math.max(least, fields.length) }, (_, i) => fields[i] ?? null),
    );
  let size = fields.length;
  while (size > 0 && (fields[size - 1] === null || fields[size - 1] === undefined)) size -= 1;
  return new Described(code, fields.slice(0, size));
}

/** The error composite of detach, end, close and rejected. */
export function errorValue(error: AmqpError): Described {
  const info = error.info && new Map([...error.info].map(([key, value]) => [sym(key), value]));
  return performative(ERROR, [sym(error.condition), error.message, info]);
}

export const asNumber = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);
export const asString = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
export const asMap = (value: unknown): ReadonlyMap<unknown, unknown> =>
  value instanceof Map ? value : (EMPTY as ReadonlyMap<unknown, unknown>);
export const asRaw = (bytes: Buffer | undefined): Raw | null =>
  bytes === undefined ? null : new Raw(Buffer.from(bytes));
const EMPTY = new Map<unknown, unknown>();

/** A field that must be there. */
export function must(value: number | undefined, name: string): number {
  if (value === undefined) throw new AmqpError("amqp:decode-error", `The field ${name} is missing.`);
  return value;
}
