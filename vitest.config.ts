import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const resolve = { conditions: ["waybill-source"] };
const ssr = { resolve: { conditions: ["waybill-source"], externalConditions: ["waybill-source"] } };
const project = (name: string, include: string[], testTimeout: number, hookTimeout = 60_000) => ({
  resolve,
  ssr,
  test: {
    name,
    include,
    testTimeout,
    hookTimeout,
    // What is waited for comes late on a machine that is busy with other things; a second, the default, is no patience.
    expect: { poll: { timeout: testTimeout / 2 } },
    setupFiles: [`${import.meta.dirname}/test/seed.ts`],
  },
});

export default defineConfig({
  test: {
    // Most of what takes long here waits: for leases, rejoins, processes. One worker a processor but one would leave the machine idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      project("unit", ["packages/**/*.test.ts"], 10_000),
      project("boundaries", ["test/boundaries/**/*.test.ts"], 60_000),
      project("integration", ["test/integration/**/*.test.ts"], 60_000),
      project("interop", ["test/interop/**/*.test.ts"], 120_000, 180_000),
      project("chaos", ["test/chaos/**/*.test.ts"], 300_000),
    ],
  },
});
