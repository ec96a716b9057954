import type { Mutant, MutantList } from "./mutant.ts";

const QUEUES = "test/integration/emulator-service-bus.test.ts";

const mutants: readonly Mutant[] = [
  {
    behaviour: "duplicate detection within its window",
    does: "forgets what it has seen",
    file: "service-bus/broker/duplicate-window.ts",
    find: "if (until > now) break;",
    replace: "",
    test: QUEUES,
    name: "drops what it has seen within the window",
  },
];

export const SERVICE_BUS: MutantList = { isComplete: false, without: {}, mutants };
