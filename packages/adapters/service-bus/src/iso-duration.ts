const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

export function toIsoDuration(ms: number): string {
  return `PT${ms / 1_000}S`;
}

/** Undefined for what is none. Months and years do not occur. */
export function fromIsoDuration(text: string | undefined): number | undefined {
  const found = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/.exec(text ?? "");
  if (found === null) return undefined;
  const [days, hours, minutes, seconds] = found.slice(1).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
  ];
  return days * DAY_MS + hours * HOUR_MS + minutes * MINUTE_MS + Math.round(seconds * 1_000);
}
