import { expect, it } from "vitest";
import { run as passThrough } from "./emulators/memory.ts";
import { run } from "./emulators/receivers.ts";

const progress = (line: string) => console.error(line);

// fidelity service-bus: locks, sessions, numbers and counts under 8 receivers
it("8 receivers: no message has two holders, none is lost, none is left, numbers and counts are right", async () => {
  const report = await run({ events: 4_000, seed: 7, progress });
  expect(report.problems).toEqual([]);
  expect(report).toMatchObject({ ok: true, completed: 4_000 });
  // The trouble was real.
  expect(report.redelivered).toBeGreaterThan(60);
  expect(report.givenBackWithSessions).toBeGreaterThan(30);
});

it("holds no more after many messages than after a few", async () => {
  expect(await passThrough({ events: 12_000, progress })).toMatchObject({ ok: true });
});
