import { HEADER, type Headers, setHeader } from "@waybill/core/spi";

/** Headers have CloudEvents attributes as `ce_…`; on AMQP they are `cloudEvents_…` or `cloudEvents:…`, and both are read. */
const ATTRIBUTE = "ce_";
export type AttributePrefix = "cloudEvents_" | "cloudEvents:";
const READ_PREFIX = /^cloudEvents[:_]/;
/** rhea, in the SDK, writes what it reads into a plain object, where this name is no property. It gets a mark on the wire. */
const HOSTILE = /^__proto__(~*)$/;
/** Marks a property whose text is the base64 of bytes: the service takes no bytes as a property's value. */
const BYTES = "~64";
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** Type codes and lengths of a name and a value. */
const ENTRY_BYTES = 10;

/** Names come from foreign producers too: what is kept must not grow with what they think up. */
const MAX_KEPT = 1_024;

/** Finds each name once: a joined string is slow to use as a property's name. */
function kept(find: (name: string) => string): (name: string) => string {
  const names = new Map<string, string>();
  return (name) => {
    let found = names.get(name);
    if (found === undefined) {
      if (names.size >= MAX_KEPT) names.clear();
      found = find(name);
      names.set(name, found);
    }
    return found;
  };
}

const headerName = kept((name) => {
  if (READ_PREFIX.test(name)) return ATTRIBUTE + name.slice("cloudEvents:".length);
  return name.endsWith("~") && HOSTILE.test(name) ? name.slice(0, -1) : name;
});

const named = (prefix: AttributePrefix) =>
  kept((name) => {
    if (name.startsWith(ATTRIBUTE)) return prefix + name.slice(ATTRIBUTE.length);
    return HOSTILE.test(name) ? `${name}~` : name;
  });
const WIRE_NAMES = { cloudEvents_: named("cloudEvents_"), "cloudEvents:": named("cloudEvents:") };

/** All as text: rhea would write a number as an unsigned type that other clients refuse. */
export function toProperties(headers: Headers, prefix: AttributePrefix): Record<string, string> {
  const wireName = WIRE_NAMES[prefix];
  const properties: Record<string, string> = {};
  for (const name of Object.keys(headers)) {
    const value = headers[name]!;
    if (isText(name, value)) properties[wireName(name)] = value;
    else properties[wireName(name) + BYTES] = Buffer.from(value).toString("base64");
  }
  return properties;
}

/** Text under a name that has the mark would be read as bytes: it is written as such. */
function isText(name: string, value: string | Uint8Array): value is string {
  return typeof value === "string" && !name.endsWith(BYTES);
}

export function propertyBytes(headers: Headers, prefix: string): number {
  let bytes = 0;
  for (const name of Object.keys(headers)) {
    const value = headers[name]!;
    bytes += ENTRY_BYTES + name.length + (name.startsWith(ATTRIBUTE) ? prefix.length : 1);
    const own = Buffer.byteLength(value);
    bytes += isText(name, value) ? own : BYTES.length + Math.ceil(own / 3) * 4;
  }
  return bytes;
}

/** Foreign producers give attributes as numbers, booleans and times: they become their canonical text, and their type is noted beside. */
export function toHeaders(properties: Readonly<Record<string, unknown>>): Record<string, string | Uint8Array> {
  const headers: Record<string, string | Uint8Array> = {};
  const types: string[] = [];
  for (const name of Object.keys(properties)) {
    const value = properties[name];
    if (name.endsWith(BYTES) && typeof value === "string" && BASE64.test(value)) {
      setHeader(headers, headerName(name.slice(0, -BYTES.length)), Buffer.from(value, "base64"));
      continue;
    }
    const header = headerName(name);
    const text = toText(value);
    if (text === undefined) continue;
    setHeader(headers, header, text);
    if (!header.startsWith(ATTRIBUTE)) continue;
    if (typeof value === "boolean") types.push(`${header.slice(ATTRIBUTE.length)}=b`);
    else if (typeof value === "number" && Number.isInteger(value)) types.push(`${header.slice(ATTRIBUTE.length)}=i`);
  }
  if (types.length > 0 && headers[HEADER.types] === undefined) headers[HEADER.types] = types.join(",");
  return headers;
}

function toText(value: unknown): string | Uint8Array | undefined {
  if (typeof value === "string" || value instanceof Uint8Array) return value;
  if (value === null || value === undefined) return undefined;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.toISOString();
  if (typeof value === "object") return objectText(value);
  return String(value);
}

function objectText(value: object): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}
