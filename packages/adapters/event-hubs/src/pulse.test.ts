import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { startPulse } from "./pulse.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function setUp() {
  const balancer = { steps: 0, isInStore: false };
  const stopped = vi.fn();
  return { balancer, stopped, pulse: startPulse(balancer, 2_000, stopped) };
}

it("tells once of a balancer that does nothing", () => {
  const { stopped } = setUp();
  vi.advanceTimersByTime(1_750);
  expect(stopped).not.toHaveBeenCalled();
  vi.advanceTimersByTime(10_000);
  expect(stopped).toHaveBeenCalledOnce();
});

it("waits as long as something happens, or the store has not answered", () => {
  const { balancer, stopped } = setUp();
  for (let round = 0; round < 10; round++) {
    vi.advanceTimersByTime(1_500);
    balancer.steps++;
  }
  balancer.isInStore = true;
  vi.advanceTimersByTime(60_000);
  expect(stopped).not.toHaveBeenCalled();
});

it("is silent when it is stopped", () => {
  const { pulse, stopped } = setUp();
  pulse.stop();
  vi.advanceTimersByTime(60_000);
  expect(stopped).not.toHaveBeenCalled();
});
