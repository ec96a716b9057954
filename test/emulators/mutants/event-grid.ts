import type { MutantList } from "./mutant.ts";

export const EVENT_GRID: MutantList = { isComplete: false, without: {}, mutants: [] };
