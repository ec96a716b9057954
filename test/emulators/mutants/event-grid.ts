import { DOORS } from "./event-grid/doors.ts";
import { PUBLISHING } from "./event-grid/publish.ts";
import { PULL_DELIVERY } from "./event-grid/pull.ts";
import { PUSH_DELIVERY } from "./event-grid/push.ts";
import { RETRIES } from "./event-grid/retries.ts";
import { TOPICS } from "./event-grid/topics.ts";
import type { MutantList } from "./mutant.ts";

export const EVENT_GRID: MutantList = {
  isComplete: true,
  without: {},
  mutants: [...PUBLISHING, ...TOPICS, ...PULL_DELIVERY, ...PUSH_DELIVERY, ...RETRIES, ...DOORS],
};
