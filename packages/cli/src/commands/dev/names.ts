import type { EmulatorName } from "@waybill/emulators";
import { InvalidArgumentError } from "commander";

/** Not imported from the emulators: they are loaded only when they are started. */
export const EMULATORS = [
  "service-bus",
  "event-hubs",
  "event-grid",
  "storage",
] as const satisfies readonly EmulatorName[];

export const NAMES = [...EMULATORS, "kafka"] as const;
export type DevName = (typeof NAMES)[number];

/** `--control 4000` */
export function controlPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw new InvalidArgumentError("It must be a port.");
  return port;
}

/** `--only service-bus,storage` */
export function devNames(text: string): DevName[] {
  return text.split(",").map((word) => {
    const known = NAMES.find((name) => name === word.trim());
    if (known === undefined) throw new InvalidArgumentError(`It must be some of ${NAMES.join(", ")}.`);
    return known;
  });
}
