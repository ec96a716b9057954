import { isPlainObject } from "./plain-object.ts";

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A duration as a config file writes it: `100ms`, `30s`, `1.5m`, `1h`, `7d`. */
export const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/** Milliseconds of a duration such as `30s`; undefined for any other text. */
export function durationMs(text: string): number | undefined {
  const match = DURATION.exec(text);
  return match === null ? undefined : Math.round(Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS]);
}

/**
 * The rule for durations in the file: `lease: 10s` becomes `leaseMs: 10000`; a number is written `leaseMs: 10000` and stays as it
 * is. `known` holds the paths that a schema knows: only a key with an `…Ms` twin there is a duration. Without it (an adapter whose
 * options are not known here), any text that reads as one is. `names` holds physical names and no durations.
 */
export function withMs(
  section: Readonly<Record<string, unknown>>,
  known?: ReadonlySet<string>,
  path = "",
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(section).map(([key, value]) => {
      const isDuration = typeof value === "string" && !key.endsWith("Ms") && (known?.has(`${path}${key}Ms`) ?? true);
      const ms = isDuration ? durationMs(value) : undefined;
      if (ms !== undefined) return [`${key}Ms`, ms];
      return [key, isPlainObject(value) && key !== "names" ? withMs(value, known, `${path}${key}.`) : value];
    }),
  );
}
