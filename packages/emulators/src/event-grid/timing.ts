import type { Clock } from "../clock.ts";

/** The emulator's time. */
export interface Timing {
  readonly clock: Clock;
  /** How long a wait of the service takes here, in milliseconds: shorter by the speed-up factor. */
  wait(ms: number): number;
}

/** Throws when the factor is not above zero. */
export function createTiming(clock: Clock, speed: number): Timing {
  if (!(speed > 0)) throw new RangeError(`The speed must be above 0, and is ${speed}.`);
  return { clock, wait: (ms) => ms / speed };
}

const DURATION = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/;

/** ISO 8601, days to seconds, in milliseconds. Undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  const match = DURATION.exec(text);
  if (match === null || text.endsWith("P") || text.endsWith("T")) return undefined;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1).map((part) => Number(part ?? 0));
  return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000;
}
