import { existsSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

const README = new URL("../README.md", import.meta.url);
const text = readFileSync(README, "utf8");
const definitions = new Map([...text.matchAll(/^\[([\w-]+)\]: (\S+)$/gm)].map(([, name, path]) => [name!, path!]));

it("names a test for everything that it calls faithful", () => {
  const claims = text.split("\n").filter((line) => /^\|.*\| faithful \|/.test(line));
  expect(claims.length).toBeGreaterThan(20);
  for (const claim of claims) {
    const proofs = [...claim.matchAll(/\]\[([\w-]+)\]/g)].map(([, name]) => name!);
    expect(proofs, claim).not.toEqual([]);
    for (const proof of proofs) {
      const path = definitions.get(proof);
      expect(path, claim).toMatch(/\.test\.ts$/);
      expect(existsSync(new URL(path!, README)), path).toBe(true);
    }
  }
});
