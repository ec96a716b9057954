import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { provenRows, type Section } from "../emulators/fidelity.ts";
import { LISTS } from "../emulators/mutants/lists.ts";
import { occurrences } from "../emulators/mutants/mutant.ts";

const read = (path: string) => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), "utf8");
const rows = provenRows();

describe.each(Object.entries(LISTS))("the mutants of %s", (emulator, { mutants, isComplete, without }) => {
  const own = rows.filter(({ section }) => section === (emulator as Section));
  const nameOf = (operation: string) => operation.split(" — ")[0]!;

  it("can still be made, and name tests that are there", () => {
    for (const { does, file, find, replace, test, name = "" } of mutants) {
      expect(occurrences(read(`packages/emulators/src/${file}`), find), `${does}: ${file}: ${find}`).toBe(1);
      expect(replace, does).not.toBe(find);
      expect(read(test), `${does}: ${test}`).toContain(name);
    }
  });

  it("break what the fidelity table says, in view of the tests that prove it", () => {
    for (const { does, behaviour, test } of mutants) {
      const row = own.find(({ operation }) => nameOf(operation) === behaviour);
      expect([...(row?.proofs.keys() ?? [])], `${does}: ${behaviour}`).toContain(test);
    }
  });

  it.runIf(isComplete)("break every row of it, or there is a reason why not", () => {
    const broken = new Set([...mutants.map(({ behaviour }) => behaviour), ...Object.keys(without)]);
    expect(own.map(({ operation }) => nameOf(operation)).filter((name) => !broken.has(name))).toEqual([]);
    expect(Object.keys(without).filter((name) => !own.some(({ operation }) => nameOf(operation) === name))).toEqual([]);
  });
});
