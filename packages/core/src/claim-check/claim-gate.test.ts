import fc from "fast-check";
import { expect, it } from "vitest";
import { ClaimGate } from "./claim-gate.ts";

it("keeps the order of each key, whatever takes how long and whatever fails", async () => {
  const anyEvent = fc.record({
    key: fc.constantFrom("a", "b", undefined),
    turns: fc.option(fc.nat(5), { nil: undefined }),
    fails: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(anyEvent, { maxLength: 30 }), async (events) => {
      const gate = new ClaimGate();
      const handed: number[] = [];
      for (const [n, { key, turns, fails }] of events.entries()) {
        const prepare = async () => {
          for (let turn = 0; turn < turns!; turn++) await new Promise((resolve) => setImmediate(resolve));
          if (fails) throw new Error("no");
        };
        if (turns === undefined && !gate.holds("t", key)) handed.push(n);
        else gate.pass({ topic: "t", key, bytes: 1 }, turns === undefined ? undefined : prepare, () => handed.push(n));
      }
      await gate.idle();
      expect(handed.toSorted((a, b) => a - b)).toEqual([...events.keys()]);
      for (const key of ["a", "b"]) {
        const own = handed.filter((n) => events[n]!.key === key);
        expect(own).toEqual(own.toSorted((a, b) => a - b));
      }
      expect([gate.bytes, gate.waiting, gate.holds("t", "a")]).toEqual([0, 0, false]);
    }),
    { numRuns: 200 },
  );
});

it("runs a few uploads at once, and holds other keys up by none", async () => {
  const gate = new ClaimGate();
  let running = 0;
  let most = 0;
  let open!: () => void;
  const gateOpen = new Promise<void>((resolve) => {
    open = resolve;
  });
  const prepare = async () => {
    most = Math.max(most, ++running);
    await gateOpen;
    running--;
  };
  for (let n = 0; n < 20; n++) gate.pass({ topic: "t", key: `k${n}`, bytes: 1 }, prepare, () => undefined);
  expect(gate.holds("t", "k3")).toBe(true);
  expect(gate.holds("other", "k3")).toBe(false);
  expect(gate.holds("t", "free")).toBe(false);
  expect(gate.waiting).toBe(20);
  open();
  await gate.idle();
  expect(most).toBe(8);
});
