import { ManualClock } from "@waybill/core/testing";
import { describe, expect, it } from "vitest";
import { manualTime, realTime } from "./time.ts";

describe("manual time", () => {
  it("moves only as far as a fact needs", async () => {
    const clock = new ManualClock(0);
    const time = manualTime(clock);
    let rung = false;
    clock.after(10, () => {
      rung = true;
    });
    await time.until(() => rung, "the bell");
    expect(clock.now()).toBeLessThan(40);
  });

  it("does not move at all for what needs only turns of the event loop", async () => {
    const clock = new ManualClock(0);
    let turns = 0;
    const turn = () => {
      if (++turns < 15) setImmediate(turn);
    };
    turn();
    await manualTime(clock).until(() => turns === 15, "fifteen turns");
    expect(clock.now()).toBe(0);
  });

  it("gives up, and says on what", async () => {
    await expect(manualTime(new ManualClock()).until(() => false, "a miracle", 5_000)).rejects.toThrow("a miracle");
  });
});

describe("real time", () => {
  it("gives up, and says on what", async () => {
    await expect(realTime().until(() => false, "a miracle", 20)).rejects.toThrow("a miracle");
  });
});
