import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type RecordedFlight, recordedFlight } from "./events.ts";

/** Why a file cannot be used at all. */
export class InputError extends Error {
  override readonly name = "InputError";
}

export interface Refusal {
  /** Its place in the file, from 1. */
  readonly row: number;
  readonly problem: string;
}

export interface Recorded {
  readonly flights: readonly RecordedFlight[];
  readonly refused: readonly Refusal[];
}

/** 20 000 flights in the United States of 2001, as npm `vega-datasets` has them. */
export function recordedFlightsFile(): string {
  return fileURLToPath(new URL("../data/flights-20k.json", import.meta.resolve("vega-datasets")));
}

/** The first `events` rows of a file: those that are flights, and what is wrong with the others. */
export async function readInput(file: string, events = Number.POSITIVE_INFINITY): Promise<Recorded> {
  const flights: RecordedFlight[] = [];
  const refused: Refusal[] = [];
  for (const [index, row] of (await readRows(file)).slice(0, events).entries()) {
    const checked = recordedFlight.safeParse(row);
    if (checked.success) flights.push(checked.data);
    else refused.push({ row: index + 1, problem: problemOf(checked.error.issues) });
  }
  return { flights, refused };
}

async function readRows(file: string): Promise<unknown[]> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new InputError(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code ?? error}.`);
  }
  let rows: unknown;
  try {
    rows = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    throw new InputError(`${file} is not JSON.`);
  }
  if (!Array.isArray(rows)) throw new InputError(`${file} must hold a JSON array of flights.`);
  return rows;
}

function problemOf(issues: readonly { path: readonly PropertyKey[]; message: string }[]): string {
  return issues.map(({ path, message }) => [path.join("."), message].filter(Boolean).join(": ")).join("; ");
}
