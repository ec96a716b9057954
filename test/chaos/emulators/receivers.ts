import { startEmulatorProcess } from "../../emulators/emulator-process.ts";
import type { ChaosOptions, ChaosReport } from "../chaos-case.ts";
import { checkLocks } from "./locks.ts";
import { checkSessions } from "./sessions.ts";

const CONFIG = {
  only: ["service-bus"] as const,
  serviceBus: {
    config: {
      UserConfig: {
        Namespaces: [
          {
            Queues: [
              { Name: "locks", Properties: { LockDuration: "PT3S", MaxDeliveryCount: 1_000 } },
              {
                Name: "sessions",
                Properties: { RequiresSession: true, LockDuration: "PT5M", MaxDeliveryCount: 1_000 },
              },
            ],
          },
        ],
      },
    },
  },
};

/** Half of the messages through plain locks, half through sessions, with the emulator in a process of its own. */
export async function run({ events, seed, progress }: Pick<ChaosOptions, "events" | "seed" | "progress">) {
  const emulator = await startEmulatorProcess(CONFIG);
  const load = {
    connectionString: emulator.serviceBus,
    messages: Math.ceil(events / 2),
    random: randomOf(seed),
    progress,
  };
  try {
    const locks = await checkLocks("locks", load);
    const sessions = await checkSessions("sessions", load);
    const problems = [...locks.problems, ...sessions.problems];
    const report: ChaosReport & { readonly problems: readonly string[] } = {
      ok: problems.length === 0,
      messages: events,
      completed: locks.completed + sessions.completed,
      redelivered: locks.redelivered,
      givenBackWithSessions: sessions.givenBack,
      problems: problems.slice(0, 20),
    };
    return report;
  } finally {
    await emulator.stop();
  }
}

/** mulberry32 */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
