import { coreErrors } from "../errors/core-errors.ts";
import type { WaybillError } from "../errors/waybill-error.ts";
import type { RawCloudEvent } from "../events/cloud-event.ts";
import { parseJson } from "./json-text.ts";
import type { MediaType } from "./media-type.ts";
import { undecodable } from "./undecodable.ts";
import { utf8Text } from "./utf8.ts";

/** The bytes of an event's data, null where it has none. */
export function writeData(event: RawCloudEvent, media: MediaType): Uint8Array | null {
  const { data } = event;
  if (data === undefined) return null;
  checkData(event, media);
  switch (media.data) {
    case "json": {
      const text = jsonOf(event, () => JSON.stringify(data));
      if (text === undefined) throw unserializable(event, "its toJSON gives nothing");
      return Buffer.from(text);
    }
    case "text":
      return Buffer.from(data as string);
    case "bytes":
      return data as Uint8Array;
    case "custom":
      try {
        return media.serializer!.write(data);
      } catch (error) {
        throw unserializable(event, "its serializer failed", error);
      }
  }
}

/** The data that the bytes of a body are. */
export function readData(bytes: Uint8Array, media: MediaType): unknown {
  switch (media.data) {
    case "json": {
      const text = utf8Text(bytes);
      if (text === undefined) throw undecodable("its data is no valid UTF-8");
      const value = parseJson(text);
      if (value === undefined) throw undecodable("its data is no valid JSON");
      return value;
    }
    case "text": {
      const text = utf8Text(bytes);
      if (text === undefined) throw undecodable("its text is no valid UTF-8");
      return text;
    }
    case "bytes":
      return bytes;
    case "custom":
      try {
        return media.serializer!.read(bytes);
      } catch (error) {
        throw undecodable("the serializer of its content type cannot read the data", error);
      }
  }
}

/** Refuses data whose kind does not fit the content type: what was written would not be what is read. */
export function checkData(event: RawCloudEvent, media: MediaType): void {
  const { data } = event;
  if (media.data === "json") {
    const problem = lostInJson(data);
    if (problem !== undefined) throw unserializable(event, problem);
  } else if (media.data === "text") {
    if (typeof data !== "string") throw unserializable(event, "it is no string");
    if (!data.isWellFormed()) throw unserializable(event, "it has half of a surrogate pair");
  } else if (media.data === "bytes" && !(data instanceof Uint8Array)) {
    throw unserializable(event, "it is no Uint8Array");
  }
}

/** Why JSON would write something else in place of the data itself: nothing, null or `{}`. What lies within follows the rules of JSON.stringify. */
function lostInJson(data: unknown): string | undefined {
  if (typeof data === "function" || typeof data === "symbol") return `it is a ${typeof data}`;
  if (typeof data === "number" && !Number.isFinite(data)) return `it is ${data}`;
  if (typeof data !== "object" || data === null || Array.isArray(data)) return undefined;
  if (Object.getPrototypeOf(data) === Object.prototype) return undefined;
  if (data instanceof Uint8Array) return "it is bytes";
  if (typeof (data as { toJSON?: unknown }).toJSON === "function") return undefined;
  if (ArrayBuffer.isView(data) || data instanceof ArrayBuffer) return "it is bytes; give them in a Uint8Array";
  const lost = OPAQUE.find((kind) => data instanceof kind);
  return lost === undefined ? undefined : `it is a ${lost.name}`;
}

/** JSON.stringify makes `{}` of each. */
const OPAQUE = [Map, Set, Promise, Error] as const;

/** Runs a JSON.stringify over the event's data and names the event when it throws. */
export function jsonOf<T>(event: RawCloudEvent, write: () => T): T {
  try {
    return write();
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n", 1)[0] : "it is no JSON value";
    throw unserializable(event, reason ?? "", error);
  }
}

function unserializable(event: RawCloudEvent, problem: string, cause?: unknown): WaybillError {
  const datacontenttype = event.datacontenttype ?? "application/json";
  return coreErrors.WB_DATA_UNSERIALIZABLE({ type: event.type, datacontenttype, problem }, cause);
}
