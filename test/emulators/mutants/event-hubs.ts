import { DOORS } from "./event-hubs/doors.ts";
import { ENTITIES } from "./event-hubs/hubs.ts";
import { READING } from "./event-hubs/readers.ts";
import { SENDING } from "./event-hubs/send.ts";
import type { MutantList } from "./mutant.ts";

export const EVENT_HUBS: MutantList = {
  isComplete: true,
  without: {},
  mutants: [...SENDING, ...READING, ...ENTITIES, ...DOORS],
};
