import { isAttributeName } from "../codec/attribute-name.ts";
import { isBookkeepingName } from "../codec/bookkeeping.ts";
import { isTimestamp } from "../codec/timestamp.ts";
import { coreErrors } from "../errors/core-errors.ts";
import type { WaybillError } from "../errors/waybill-error.ts";
import type { RawCloudEvent } from "./cloud-event.ts";

/**
 * Throws WB_EVENT_ATTRIBUTE for what CloudEvents 1.0 forbids in attributes; does not look at `data`. Runs for every published event, so it
 * is one pass and parses no URI.
 */
export function checkAttributes(event: RawCloudEvent): void {
  if (event.specversion !== "1.0") throw wrong("specversion", 'must be "1.0"');
  checkRequired("id", event.id);
  checkRequired("source", event.source);
  checkRequired("type", event.type);
  for (const name of Object.keys(event)) {
    switch (name) {
      case "specversion":
      case "id":
      case "source":
      case "type":
      case "data":
        break;
      case "time":
      case "expirytime":
        checkTime(name, event[name]);
        break;
      case "subject":
      case "dataschema":
        if (event[name] !== undefined) checkRequired(name, event[name]);
        break;
      case "datacontenttype":
        checkContentType(event[name]);
        break;
      default:
        checkExtension(name, event[name]);
    }
  }
}

function checkRequired(name: string, value: unknown): void {
  if (value === undefined) throw wrong(name, "is missing");
  if (typeof value !== "string") throw wrong(name, "must be text");
  if (value === "") throw wrong(name, "is empty");
  checkText(name, value);
}

function checkTime(name: string, value: unknown): void {
  if (value !== undefined && (typeof value !== "string" || !isTimestamp(value))) {
    throw wrong(name, "must be an RFC 3339 time such as 2026-01-31T12:00:00Z");
  }
}

function checkContentType(value: unknown): void {
  if (value === undefined || value === "application/json") return;
  checkRequired("datacontenttype", value);
  const slash = (value as string).indexOf("/");
  if (slash < 1 || slash === (value as string).length - 1) {
    throw wrong("datacontenttype", "must be a media type such as application/json");
  }
}

function checkExtension(name: string, value: unknown): void {
  if (value === undefined) return;
  if (!isAttributeName(name)) throw wrong(name, forbiddenName(name));
  if (isBookkeepingName(name)) throw wrong(name, "has a name that Waybill writes its own bookkeeping under");
  if (typeof value === "string") {
    if (value === "" && name === "partitionkey") throw wrong(name, "is empty");
    checkText(name, value);
  } else if (typeof value === "number") {
    if ((value | 0) !== value) throw wrong(name, "is a number, but no 32-bit integer");
  } else if (typeof value !== "boolean") {
    throw wrong(
      name,
      `is ${value === null ? "null" : `of type ${typeof value}`}; it must be text, a 32-bit integer or a boolean`,
    );
  }
}

function forbiddenName(name: string): string {
  return name === "data_base64"
    ? "is no attribute: give the bytes as data, in a Uint8Array"
    : "has a name with characters other than a-z and 0-9";
}

/** CloudEvents text has no control characters, no halves of surrogate pairs and no Unicode noncharacters. */
function checkText(name: string, text: string): void {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c >= 0x20 && c < 0x7f) continue;
    const point = text.codePointAt(i)!;
    if (isForbidden(point)) {
      throw wrong(
        name,
        `has the forbidden character U+${point.toString(16).toUpperCase().padStart(4, "0")} at position ${i}`,
      );
    }
    if (point > 0xffff) i++;
  }
}

function isForbidden(point: number): boolean {
  return (
    point < 0x20 ||
    (point >= 0x7f && point < 0xa0) ||
    (point >= 0xd800 && point < 0xe000) ||
    (point >= 0xfdd0 && point < 0xfdf0) ||
    (point & 0xfffe) === 0xfffe
  );
}

function wrong(attribute: string, problem: string): WaybillError {
  return coreErrors.WB_EVENT_ATTRIBUTE({ attribute, problem });
}
