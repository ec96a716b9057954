import { EventGridProblem } from "../problem.ts";
import type { EventAttributes } from "./accepted-event.ts";

const REQUIRED = ["id", "source", "type", "specversion"] as const;
const OPTIONAL_TEXT = ["subject", "time", "datacontenttype", "dataschema", "data_base64"] as const;
const NAME = /^[a-z0-9]+$/;
const TIME = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

/** Throws a 400 when this is no CloudEvent 1.0 in JSON format. */
export function checkCloudEvent(value: unknown, at: string): EventAttributes {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid(at, "is no JSON object");
  const event = value as Record<string, unknown>;
  for (const name of REQUIRED) {
    if (typeof event[name] !== "string" || event[name] === "")
      throw invalid(at, `has no '${name}'. This resource is configured for CloudEvents and requires '${name}'`);
  }
  if (event.specversion !== "1.0") throw invalid(at, "has another 'specversion' than '1.0'");
  for (const name of OPTIONAL_TEXT) {
    const attribute = event[name];
    if (attribute !== undefined && attribute !== null && typeof attribute !== "string")
      throw invalid(at, `has a '${name}' that is no string`);
  }
  if (typeof event.time === "string" && (!TIME.test(event.time) || Number.isNaN(Date.parse(event.time))))
    throw invalid(at, "has a 'time' that is no RFC 3339 timestamp");
  if (typeof event.data_base64 === "string") {
    if (event.data !== undefined) throw invalid(at, "has both 'data' and 'data_base64'");
    if (!BASE64.test(event.data_base64)) throw invalid(at, "has a 'data_base64' that is not base64");
  }
  for (const [name, attribute] of Object.entries(event)) {
    if (name === "data" || name === "data_base64") continue;
    if (!NAME.test(name)) throw invalid(at, `has the attribute '${name}': names are lower-case letters and digits`);
    if (typeof attribute === "object" && attribute !== null && !isNumber(attribute))
      throw invalid(at, `has the attribute '${name}', which is an object or an array`);
  }
  return event;
}

const isNumber = (value: object) => "rawJSON" in value && Object.getPrototypeOf(value) === null;

const invalid = (at: string, what: string) => new EventGridProblem(400, `The event${at} ${what}.`, "InputJsonInvalid");
