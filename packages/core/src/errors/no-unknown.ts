import { coreErrors } from "./core-errors.ts";

/** A misspelt option must not become a default in silence. Throws WB_OPTION_INVALID. */
export function noUnknown(what: string, given: object, known: readonly string[]): void {
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    throw coreErrors.WB_OPTION_INVALID({ option: name, problem: `is no ${what}; there are ${known.join(", ")}` });
  }
}
