import { defineConfig } from "vitest/config";

const resolve = { conditions: ["source"] };
const ssr = { resolve: { conditions: ["source"], externalConditions: ["source"] } };
const project = (name: string, include: string[], testTimeout: number) => ({
  resolve,
  ssr,
  test: { name, include, testTimeout, hookTimeout: 60_000 },
});

export default defineConfig({
  test: {
    projects: [
      project("unit", ["packages/**/*.test.ts"], 10_000),
      project("boundaries", ["test/boundaries/**/*.test.ts"], 60_000),
      project("integration", ["test/integration/**/*.test.ts"], 60_000),
      project("chaos", ["test/chaos/**/*.test.ts"], 300_000),
    ],
  },
});
