import { argumentError } from "./broker/conditions.ts";

const PATTERN = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;
/** What the service writes for "never": the largest .NET TimeSpan. */
export const NEVER_TEXT = "P10675199DT2H48M5.4775807S";
const NEVER_MS = 10_675_199 * 86_400_000;

/** ISO 8601, days to seconds. "Never" is Infinity. Throws an argument error. */
export function parseDuration(text: string): number {
  const match = PATTERN.exec(text.trim());
  if (match === null || /^P(T)?$/.test(text.trim())) throw argumentError(`'${text}' is no ISO 8601 duration.`);
  const [days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
  ];
  const ms = ((days * 24 + hours) * 60 + minutes) * 60_000 + Math.round(seconds * 1000);
  return ms >= NEVER_MS ? Number.POSITIVE_INFINITY : ms;
}

export function formatDuration(ms: number): string {
  if (ms === Number.POSITIVE_INFINITY) return NEVER_TEXT;
  const days = Math.floor(ms / 86_400_000);
  const hours = Math.floor(ms / 3_600_000) % 24;
  const minutes = Math.floor(ms / 60_000) % 60;
  const seconds = (ms % 60_000) / 1000;
  const time = `${hours ? `${hours}H` : ""}${minutes ? `${minutes}M` : ""}${seconds ? `${seconds}S` : ""}`;
  if (days === 0 && time === "") return "PT0S";
  return `P${days ? `${days}D` : ""}${time ? `T${time}` : ""}`;
}
