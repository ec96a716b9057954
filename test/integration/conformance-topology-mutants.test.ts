import { conformanceCases, manualTime, runCase } from "@waybill/conformance";
import type { Adapter, TopologyStep } from "@waybill/core/spi";
import { ManualClock } from "@waybill/core/testing";
import { createMemoryBroker, type MemoryBroker, memory } from "@waybill/memory";
import { expect, it } from "vitest";

// The memory broker needs no entities; here it is given some, soundly and in broken ways.

type Subscriptions = Readonly<Record<string, readonly string[]>>;

interface Entities {
  readonly made: Set<string>;
  readonly broken: Partial<Record<Defect, true>>;
}

type Defect =
  | "plan makes things"
  | "apply does nothing"
  | "twice is an error"
  | "deletes unasked"
  | "prunes what is declared";

function withTopology(adapter: Adapter, subscriptions: Subscriptions, { made, broken }: Entities): Adapter {
  const needed = new Set(
    Object.entries(subscriptions).flatMap(([topic, list]) => list.map((one) => `${topic}/${one}`)),
  );
  const create = (name: string): TopologyStep => ({
    action: "create",
    entity: "queue",
    name,
    detail: "For a subscription.",
    apply: async () => {
      if (broken["twice is an error"] && made.has(name)) throw new Error("It exists.");
      if (!broken["apply does nothing"]) made.add(name);
    },
  });
  const remove = (name: string): TopologyStep => ({
    action: "delete",
    entity: "queue",
    name,
    detail: "Nothing declares it.",
    apply: async () => void made.delete(name),
  });
  return Object.assign(adapter, {
    topology: {
      async plan({ prune }: { prune: boolean }) {
        const missing = [...needed].filter((name) => !made.has(name)).map(create);
        if (broken["plan makes things"]) for (const { name } of missing) made.add(name);
        if (!prune && !broken["deletes unasked"]) return missing;
        const strays = [...made].filter((name) => broken["prunes what is declared"] || !needed.has(name));
        return [...missing, ...strays.map(remove)];
      },
    },
  });
}

const cases = conformanceCases.filter(({ name }) => name.startsWith("topology: "));

/** The cases that fail. */
async function failing(broken: Entities["broken"]): Promise<string[]> {
  const failed: string[] = [];
  for (const one of cases) {
    const made = new Set<string>();
    const { result } = await runCase(one, {
      harness: () => {
        const clock = new ManualClock();
        const broker: MemoryBroker = createMemoryBroker({ clock });
        return { broker, time: manualTime(clock) };
      },
      open: ({ harness: { broker }, subscriptions }) =>
        withTopology(memory({ like: "service-bus", broker, subscriptions }), subscriptions, { made, broken }),
    });
    if (result.status === "failed") failed.push(one.name);
  }
  return failed;
}

it("a sound topology passes", async () => {
  expect(cases).toHaveLength(3);
  expect(await failing({})).toEqual([]);
});

it.each<[Defect, number]>([
  ["plan makes things", 0],
  ["apply does nothing", 0],
  ["twice is an error", 1],
  ["deletes unasked", 2],
  ["prunes what is declared", 2],
])("a topology whose defect is %s is seen", async (defect, seenBy) => {
  expect(await failing({ [defect]: true })).toContain(cases[seenBy]!.name);
});
