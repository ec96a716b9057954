import { expect, it } from "vitest";
import { createPartitionCounts } from "./partition-counts.ts";

it("keeps the first answer for each hub, and no failure", async () => {
  const answers: (() => Promise<readonly string[]>)[] = [
    async () => Promise.reject(new Error("not now")),
    async () => ["0", "1"],
    async () => ["0", "1", "2", "3"],
  ];
  const countOf = createPartitionCounts(() => ({ partitionIds: () => answers.shift()!() }));
  await expect(countOf("orders")).rejects.toThrow("not now");
  expect(await countOf("orders")).toBe(2);
  expect(await countOf("orders")).toBe(2);
  expect(await countOf("mail")).toBe(4);
});

it("gives everyone the same answer, also those who asked at the same time", async () => {
  const answers = [["0", "1"], ["0"]];
  const countOf = createPartitionCounts(() => ({ partitionIds: async () => answers.shift()! }));
  expect(new Set(await Promise.all([countOf("orders"), countOf("orders")])).size).toBe(1);
});
