import { expect, it } from "vitest";
import { fidelity, readRows } from "../emulators/fidelity.ts";

it("the emulators' README says what the tests prove", () => {
  const { is, should } = fidelity();
  expect(is, "run npx pnpm@12 fidelity").toBe(should);
  expect(should.match(/\| faithful \|/g)!.length).toBeGreaterThan(60);
});

it("takes no tag for a proof that is above no test, or above one that is not run", () => {
  const read = (...lines: string[]) => readRows([["a.test.ts", lines.join("\n")]]);
  const tag = "// fidelity service-bus: peek";
  expect(read(tag, 'it("peeks", () => {});')).toMatchObject([{ operation: "peek", isPartial: false }]);
  expect(read(tag, "// fidelity event-hubs partial: x — y", "  it.each([1])(")).toHaveLength(2);
  expect(() => read(tag, "const a = 1;")).toThrow("a.test.ts:1: the tag stands above no test.");
  expect(() => read(tag, 'it.skip("peeks", () => {});')).toThrow("the test is not run");
  expect(() => read("// fidelity rabbit: x", 'it("x", () => {});')).toThrow("no emulator 'rabbit'");
});
