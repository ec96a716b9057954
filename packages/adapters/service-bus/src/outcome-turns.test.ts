import { expect, it } from "vitest";
import { OutcomeTurns } from "./outcome-turns.ts";

it("begins each group in a turn of its own, in order, and answers each call for itself", async () => {
  const turns = new OutcomeTurns();
  let turn = 0;
  const count = () => {
    turn++;
    setImmediate(count).unref();
  };
  setImmediate(count).unref();
  const begun: [string, number][] = [];
  const call = (name: string) => async () => {
    begun.push([name, turn]);
    if (name === "b") throw new Error("no");
    return name;
  };
  const [first, second] = await Promise.all([turns.run([call("a"), call("b")]), turns.run([call("c")])]);
  expect(first.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  expect(second).toMatchObject([{ value: "c" }]);
  expect(begun.map(([name]) => name)).toEqual(["a", "b", "c"]);
  expect(begun[0]![1]).toBe(begun[1]![1]);
  expect(begun[2]![1]).toBeGreaterThan(begun[1]![1]);
});

it("waits for nobody's answer before the next turn", async () => {
  const turns = new OutcomeTurns();
  const never = turns.run([() => new Promise(() => undefined)]);
  expect(await turns.run([async () => "next"])).toMatchObject([{ value: "next" }]);
  void never;
});
