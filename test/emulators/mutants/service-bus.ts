import type { MutantList } from "./mutant.ts";
import { ACCESS_RULES } from "./service-bus/access.ts";
import { ADMINISTRATION_API } from "./service-bus/administration.ts";
import { DOORS } from "./service-bus/doors.ts";
import { MESSAGES } from "./service-bus/messages.ts";
import { SESSIONS } from "./service-bus/sessions.ts";
import { TOPICS } from "./service-bus/topics.ts";

export const SERVICE_BUS: MutantList = {
  isComplete: true,
  without: {},
  mutants: [...MESSAGES, ...SESSIONS, ...TOPICS, ...ADMINISTRATION_API, ...DOORS, ...ACCESS_RULES],
};
