import { AmqpError } from "../../amqp/amqp-error.ts";
import { formatDuration, parseDuration } from "../durations.ts";
import type { SettingNames } from "../setting-names.ts";
import { badRequest } from "./http-problem.ts";
import { child, escapeXml, tag, text } from "./xml.ts";

/** The service's bounds, inclusive. */
const BOUNDS: Readonly<Record<string, readonly [number, number]>> = {
  lockDurationMs: [0, 300_000],
  duplicateDetectionHistoryTimeWindowMs: [20_000, 7 * 86_400_000],
  autoDeleteOnIdleMs: [300_000, Number.POSITIVE_INFINITY],
  maxDeliveryCount: [1, 2_000],
  defaultMessageTimeToLiveMs: [1_000, Number.POSITIVE_INFINITY],
};
const STATUSES = ["Active", "Disabled", "SendDisabled", "ReceiveDisabled"];
const REFERENCES = ["forwardTo", "forwardDeadLetteredMessagesTo"];

/** Settings out of a description element. Throws a problem. */
export function readSettings(description: unknown, names: SettingNames): Record<string, unknown> {
  const settings: Record<string, unknown> = {};
  for (const [name, [setting, kind]] of Object.entries(names)) {
    const value = text(child(description, name));
    if (value === undefined) continue;
    settings[setting] = readValue(name, value, kind);
    const bounds = Object.hasOwn(BOUNDS, setting) ? BOUNDS[setting] : undefined;
    const number = settings[setting] as number;
    if (bounds !== undefined && !(number >= bounds[0] && number <= bounds[1]))
      throw badRequest(`The value '${value}' of ${name} is out of range.`);
    if (setting === "status" && !STATUSES.includes(value)) throw badRequest(`The status '${value}' is not known.`);
    if (REFERENCES.includes(setting)) settings[setting] = decodeURIComponent(value.replace(/^[a-z]+:\/\/[^/]*\//i, ""));
  }
  return settings;
}

function readValue(name: string, value: string, kind: string): unknown {
  if (kind === "boolean") {
    if (!/^(true|false)$/i.test(value)) throw badRequest(`${name} is true or false.`);
    return value.toLowerCase() === "true";
  }
  if (kind === "number") {
    if (!/^\d{1,15}$/.test(value)) throw badRequest(`${name} is a number.`);
    return Number(value);
  }
  if (kind !== "duration") return value;
  try {
    return parseDuration(value);
  } catch (error) {
    if (error instanceof AmqpError) throw badRequest(error.message);
    throw error;
  }
}

/** The elements of a description, in the service's order. References are whole addresses. */
export function writeSettings(settings: object, names: SettingNames, origin: string): string {
  const values = settings as Readonly<Record<string, unknown>>;
  const address = origin.replace(/^[a-z]+:/, "sb:");
  return Object.entries(names)
    .map(([name, [setting, kind]]) => {
      const value = values[setting];
      if (value === undefined) return "";
      if (REFERENCES.includes(setting)) return tag(name, escapeXml(`${address}/${String(value)}`));
      return tag(name, escapeXml(kind === "duration" ? formatDuration(value as number) : String(value)));
    })
    .join("");
}
