import { join } from "node:path";
import { type Harness, manualTime, runConformance } from "@waybill/conformance";
import { ManualClock } from "@waybill/core/testing";
import { createMemoryBroker, type Like, type MemoryAdapter, type MemoryBroker, memory } from "@waybill/memory";

interface MemoryHarness extends Harness {
  readonly broker: MemoryBroker;
}

/** A broker and a clock of its own for each case: nothing waits, and no case sees another. */
function harness(): MemoryHarness {
  const clock = new ManualClock();
  const broker = createMemoryBroker({ clock });
  return {
    broker,
    time: manualTime(clock),
    crash: async (adapter) => (adapter as MemoryAdapter).crash(),
    revoke: async (_adapter, { topic, subscription }) => {
      broker.revokeLanes(`${topic}/${subscription}`);
    },
  };
}

const NO_ATTEMPT = {
  "drain: what is given back has used no attempt up":
    "a release cannot write the attempt, so that the delivery count is taken for it",
};

const DEVIATIONS: Partial<Record<Like, Record<string, string>>> = {
  "event-grid": NO_ATTEMPT,
  "event-grid-webhook": NO_ATTEMPT,
};

const LIKES: readonly Like[] = [
  "memory",
  "storage-queue",
  "service-bus",
  "service-bus-sessions",
  "event-grid",
  "event-grid-webhook",
  "event-hubs",
  "kafka",
];

for (const like of LIKES) {
  runConformance({
    name: `like ${like}`,
    page: "memory",
    harness,
    open: ({ harness: { broker }, subscriptions }) => memory({ like, broker, subscriptions }),
    deviations: DEVIATIONS[like] ?? {},
    resultsDirectory: join(import.meta.dirname, "../../node_modules/.cache/waybill/conformance"),
  });
}
