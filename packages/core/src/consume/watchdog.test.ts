import { expect, it } from "vitest";
import type { Backlog } from "../spi/adapter.ts";
import { ManualClock } from "../testing/manual-clock.ts";
import { Watchdog } from "./watchdog.ts";

const IDLE_MS = 1_000;

function watched() {
  const clock = new ManualClock();
  const state: { backlog: Backlog; stalls: number; calms: number } = { backlog: { events: 0 }, stalls: 0, calms: 0 };
  const watchdog = new Watchdog({
    clock,
    idleMs: IDLE_MS,
    backlog: async () => state.backlog,
    stalled: () => state.stalls++,
    calm: () => state.calms++,
    failed: (error) => expect.unreachable(String(error)),
  });
  return { clock, state, watchdog };
}

it("tells of events that wait while none is received, once each idle time", async () => {
  const { clock, state } = watched();
  state.backlog = { events: 3 };
  await clock.advance(IDLE_MS - 1);
  expect(state.stalls).toBe(0);
  await clock.advance(1);
  expect(state.stalls).toBe(1);
  await clock.advance(2 * IDLE_MS);
  expect(state.stalls).toBe(3);
});

it("tells of no event that came, or came due, after a long silence and a moment before it looks", async () => {
  const { clock, state, watchdog } = watched();
  for (const before of [{ events: 0 }, { events: 1, ready: false }]) {
    state.backlog = before;
    await clock.advance(3 * IDLE_MS - 1);
    state.backlog = { events: 1, oldestMs: 60_000 };
    await clock.advance(1);
    watchdog.seen();
    state.backlog = { events: 0 };
    await clock.advance(IDLE_MS);
  }
  expect(state.stalls).toBe(0);
});

it("begins anew with what is received", async () => {
  const { clock, state, watchdog } = watched();
  state.backlog = { events: 9 };
  for (let n = 0; n < 5; n++) {
    await clock.advance(IDLE_MS - 1);
    watchdog.seen();
  }
  expect(state.stalls).toBe(0);
  await clock.advance(1.5 * IDLE_MS);
  expect(state.stalls).toBe(1);
  watchdog.stop();
  await clock.advance(5 * IDLE_MS);
  expect(state.stalls).toBe(1);
});

it("tells when nothing waits that may be received now, and not while something does", async () => {
  const { clock, state } = watched();
  await clock.advance(IDLE_MS);
  expect(state.calms).toBe(2);
  state.backlog = { events: 1 };
  await clock.advance(2 * IDLE_MS);
  expect(state).toMatchObject({ calms: 2, stalls: 2 });
  state.backlog = { events: 1, ready: false };
  await clock.advance(IDLE_MS / 2);
  expect(state).toMatchObject({ calms: 3, stalls: 2 });
});
