import { expect, it } from "vitest";
import { partitionIdOf } from "./partition-hash.ts";

/** Of Microsoft's SDKs for .NET, Java and Python, whose own tests know these hashes. Lengths leave every rest modulo 12 but two. */
it.each([
  ["7", -15263],
  ["131", 30562],
  ["$0cb", 26269],
  ["FWfAT", -22341],
  ["!c*_!I@1^c", 15372],
  ["7149583486996073602", 12977],
  ["p4*!jioeO/z-!-;w:dh", -3104],
  ["sOdeEAsyQoEuEFPGerWO", -6503],
  ["-4189260826195535198", 453],
  ["FAyAIctPeCgmiwLKbJcyswoHglHVjQdvtBowLACDNORsYvOcLddNJYDmhAVkbyLOrHTKLneMNcbgWVlasVywOByANjs", 5226],
])("hashes '%s' as the service does", (key, hash) => {
  // So many partitions that the hash itself is the answer.
  expect(partitionIdOf(key, 40_000)).toBe(String(Math.abs(hash)));
  for (const count of [1, 3, 32]) expect(partitionIdOf(key, count)).toBe(String(Math.abs(hash % count)));
});

it("hashes a key by what it is, whatever was hashed before", () => {
  const before = partitionIdOf("short", 1024);
  partitionIdOf("long".repeat(1_000), 1024);
  expect(partitionIdOf("short", 1024)).toBe(before);
});
