import type { Serializer } from "./codec.ts";

/** What a content type says about a message and its data. */
export interface MediaType {
  /** How data of this type stands in an event: JSON value, string, `Uint8Array`, or whatever the serializer makes of it. */
  readonly data: "json" | "text" | "bytes" | "custom";
  /** Given for `custom`. */
  readonly serializer?: Serializer;
  readonly isJson: boolean;
  /** Text that says it is not UTF-8. It counts as bytes: a string of it could not be written back without that charset's encoder. */
  readonly otherCharset: boolean;
  /** Whether a message of this type is a whole event in structured mode. `unknown`: a CloudEvents format that is not JSON. */
  readonly envelope: "none" | "event" | "batch" | "unknown";
}

export type MediaTypes = (contentType: string | undefined) => MediaType;

/** Content types come from foreign producers too: the cache must not grow with what they think up. */
const MAX_CACHED = 256;

/** Looks content types up, each parsed once. None given means `application/json`, as in the CloudEvents JSON format. */
export function createMediaTypes(serializers: readonly Serializer[]): MediaTypes {
  const cache = new Map<string, MediaType>();
  const absent = parse("application/json", serializers);
  let lastType: string | undefined;
  let last = absent;
  return (contentType) => {
    if (contentType === undefined || contentType === "") return absent;
    if (contentType === lastType) return last;
    let found = cache.get(contentType);
    if (found === undefined) {
      if (cache.size >= MAX_CACHED) cache.clear();
      found = parse(contentType, serializers);
      cache.set(contentType, found);
    }
    lastType = contentType;
    last = found;
    return found;
  };
}

function parse(contentType: string, serializers: readonly Serializer[]): MediaType {
  const lower = contentType.toLowerCase();
  const semicolon = lower.indexOf(";");
  const name = (semicolon < 0 ? lower : lower.slice(0, semicolon)).trim();
  const serializer = serializers.find((one) => one.accepts(name));
  const isJson = name === "application/json" || name === "text/json" || name.endsWith("+json");
  const isText = name.startsWith("text/");
  const otherCharset = isText && !isJson && !isUtf8(semicolon < 0 ? "" : lower.slice(semicolon));
  const shared = { isJson, otherCharset, envelope: envelopeOf(name) };
  if (serializer !== undefined) return { data: "custom", serializer, ...shared };
  if (isJson) return { data: "json", ...shared };
  return { data: isText && !otherCharset ? "text" : "bytes", ...shared };
}

function envelopeOf(name: string): MediaType["envelope"] {
  if (!name.startsWith("application/cloudevents")) return "none";
  const format = name.slice("application/cloudevents".length);
  if (format === "" || format === "+json") return "event";
  return format === "-batch+json" || format === "-batch" ? "batch" : "unknown";
}

function isUtf8(parameters: string): boolean {
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/.exec(parameters)?.[1];
  return charset === undefined || charset === "utf-8" || charset === "utf8" || charset === "us-ascii";
}
