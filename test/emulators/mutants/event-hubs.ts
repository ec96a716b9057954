import type { MutantList } from "./mutant.ts";

export const EVENT_HUBS: MutantList = { isComplete: false, without: {}, mutants: [] };
