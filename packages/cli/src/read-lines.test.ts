import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Line, readLines } from "./read-lines.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "waybill-lines-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

async function linesOf(text: string | Buffer, max = 100, signal = new AbortController().signal): Promise<Line[][]> {
  const file = join(folder, "lines");
  writeFileSync(file, text);
  return all(readLines(file, max, signal));
}

describe("readLines", () => {
  it("numbers lines from 1, counts empty ones and leaves them out", async () => {
    expect(await linesOf("\uFEFFa\n\n  \nb")).toEqual([[{ number: 1, text: "a" }], [{ number: 4, text: "b" }]]);
  });

  it("keeps characters and lines whole that chunks cut apart", async () => {
    const long = "é€😀".repeat(20_000);
    const groups = await linesOf(`${long}\n${long}`);
    expect(groups.flat().map(({ text }) => text === long)).toEqual([true, true]);
  });

  it("guesses at nothing that is no UTF-8, and reads on behind it", async () => {
    const bytes = Buffer.concat([Buffer.from("a\nb"), Buffer.from([0xe9]), Buffer.from("\nc")]);
    expect((await linesOf(bytes)).flat()).toEqual([
      { number: 1, text: "a" },
      { number: 2, text: undefined },
      { number: 3, text: "c" },
    ]);
  });

  it("groups up to the maximum", async () => {
    expect((await linesOf("a\nb\nc\n", 2)).map((group) => group.length)).toEqual([2, 1]);
  });

  it("ends when aborted", async () => {
    expect(await linesOf("a\n", 1, AbortSignal.abort())).toEqual([]);
  });

  it.each([
    ["none", "ENOENT"],
    [".", "EISDIR"],
  ])("says why %s cannot be read", async (name, problem) => {
    const reading = all(readLines(join(folder, name), 1, new AbortController().signal));
    await expect(reading).rejects.toMatchObject({ code: "WB_CLI_FILE", sentence: expect.stringContaining(problem) });
  });
});
