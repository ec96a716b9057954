import { type Python, PythonUnavailable, python } from "./python.ts";

/** Why no Python runs here: the suite is skipped on a person's machine, and fails in CI. */
export let missing: string | undefined;

const unavailable: Python = () => Promise.reject(new PythonUnavailable(missing));

/** The programs of this folder. */
export const run = await python().catch((error: unknown) => {
  if (process.env.CI || !(error instanceof PythonUnavailable)) throw error;
  missing = error.message;
  return unavailable;
});

/** Values that JSON has no type for, as scenario.py reads and writes them. */
export const bytes = (value: string | Uint8Array) => ({ $bytes: Buffer.from(value).toString("hex") });
export const uuid = (value: string) => ({ $uuid: value });
export const time = (value: Date | number) => ({ $time: Number(value) });
export const long = (value: number) => ({ $long: value });
