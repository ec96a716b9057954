import { z } from "zod";
import { DURATION } from "../duration.ts";

/** Field kinds of the config file. Descriptions go into the published JSON Schema, where editors show them. */

const NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;

export const name = z
  .string()
  .regex(NAME, { error: "must be lower-case letters and digits in groups joined by single hyphens" })
  .max(50, { error: "must have at most 50 characters" });

const duration = z
  .string({ error: "must be a duration such as 30s, 5m, 100ms or 1h (a bare number goes under the same name with Ms)" })
  .regex(DURATION, { error: "must be a duration such as 30s, 5m, 100ms or 1h" });

const milliseconds = z.number({ error: "must be a number of milliseconds" }).min(0, { error: "must not be negative" });

type DurationShape<Key extends string> = Record<Key, z.ZodOptional<typeof duration>> &
  Record<`${Key}Ms`, z.ZodOptional<typeof milliseconds>>;

/** Each key twice: `lease: 10s` and `leaseMs: 10000`. */
export function durations<const Key extends string>(fields: Record<Key, string>): DurationShape<Key> {
  return Object.fromEntries(
    Object.entries<string>(fields).flatMap(([key, text]) => [
      [key, duration.optional().describe(text)],
      [`${key}Ms`, milliseconds.optional().describe(`${text} In milliseconds.`)],
    ]),
  ) as DurationShape<Key>;
}

export function count(min: number, max: number, text: string) {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error }).optional().describe(text);
}

export function text(description: string) {
  return z.string({ error: "must be text" }).min(1, { error: "must not be empty" }).describe(description);
}

export function choice<const Value extends string>(values: readonly Value[], description: string) {
  return z
    .enum(values, { error: `must be one of ${values.join(", ")}` })
    .optional()
    .describe(description);
}

export function fact(description: string) {
  return z.boolean({ error: "must be true or false" }).optional().describe(description);
}
