import { EVENT_GRID } from "./event-grid.ts";
import { EVENT_HUBS } from "./event-hubs.ts";
import type { MutantList } from "./mutant.ts";
import { SERVICE_BUS } from "./service-bus.ts";

export const LISTS = {
  "service-bus": SERVICE_BUS,
  "event-hubs": EVENT_HUBS,
  "event-grid": EVENT_GRID,
} as const satisfies Record<string, MutantList>;
