import { describe, expect, it } from "vitest";
import { sleep } from "../clock.ts";
import { ManualClock } from "./manual-clock.ts";

describe("ManualClock", () => {
  it("fires in time order, and those of one moment in the order they were set", async () => {
    const clock = new ManualClock(0);
    const fired: string[] = [];
    clock.after(20, () => fired.push("late"));
    clock.after(10, () => fired.push("first"));
    clock.after(10, () => fired.push("second"));
    clock.after(10, () => fired.push("third"));
    expect(clock.pending).toBe(4);
    await clock.advance(10);
    expect(fired).toEqual(["first", "second", "third"]);
    expect(clock.pending).toBe(1);
    await clock.advance(10);
    expect(fired.at(-1)).toBe("late");
    expect(clock.now()).toBe(20);
  });

  it("lets what awaits one timer set the next within the same advance", async () => {
    const clock = new ManualClock(0);
    const seen: number[] = [];
    const walk = async () => {
      for (let step = 0; step < 5; step++) {
        await sleep(clock, 10);
        await new Promise<void>((resolve) => setImmediate(resolve));
        seen.push(clock.now());
      }
    };
    void walk();
    await clock.advance(35);
    expect(seen).toEqual([10, 20, 30]);
    expect(clock.now()).toBe(35);
  });

  it("does not fire what was cleared, nor before its time", async () => {
    const clock = new ManualClock();
    let fired = 0;
    const timer = clock.after(5, () => fired++);
    await clock.advance(4);
    timer.clear();
    timer.clear();
    await clock.advance(100);
    expect(fired).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it("runs from timer to timer until a condition holds, and no further", async () => {
    const clock = new ManualClock(0);
    let ticks = 0;
    const tick = () => {
      ticks++;
      clock.after(100, tick);
    };
    clock.after(100, tick);
    await clock.runUntil(() => ticks === 7);
    expect(clock.now()).toBe(700);
    await expect(clock.runUntil(() => ticks === 1_000, { maxMs: 500 })).rejects.toThrow("beyond that");
    expect(ticks).toBe(12);
  });

  it("says so when nothing is left to wait for", async () => {
    await expect(new ManualClock().runUntil(() => false)).rejects.toThrow("no timer is set");
  });
});
