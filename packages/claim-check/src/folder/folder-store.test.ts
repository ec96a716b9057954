import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { folderStore } from "./folder-store.ts";

const never = new AbortController().signal;
const about = { contentType: "application/json" };
const START = "waybill-claim:folder/";
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "waybill-claims-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a folder of claims", () => {
  it("gives back what was put, in another process too, and leaves nothing half-done", async () => {
    const path = join(folder, "deep/er");
    const data = Buffer.from(Array.from({ length: 100_000 }, (_, n) => n % 256));
    const reference = await folderStore({ path }).put(data, about, never);
    expect(reference).toMatch(/^waybill-claim:folder\/\d{4}-\d{2}-\d{2}\/[0-9a-f-]{36}$/);
    const other = folderStore({ path });
    expect(other.owns(reference)).toBe(true);
    expect(Buffer.compare((await other.get(reference, data.length, never)) as Buffer, data)).toBe(0);
    expect(await other.get(reference, 10, never)).toHaveLength(11);
    expect(readdirSync(join(path, new Date().toISOString().slice(0, 10)))).toHaveLength(1);
  });

  it("owns no reference but those it makes: no path leads out of it", () => {
    const store = folderStore({ path: folder });
    const claim = "2026-11-26/00000000-0000-4000-8000-000000000000";
    expect(store.owns(START + claim)).toBe(true);
    const near = [
      `${START}../${claim}`,
      `${START}${claim}/../../x`,
      `${START}${claim}\n`,
      `${START}${claim}%2e%2e`,
      `${START}/etc/passwd`,
      `${START}2026-11-26/..`,
      `${START}2026-11-26\\00000000-0000-4000-8000-000000000000`,
      `file://${folder}/${claim}`,
      claim,
      "",
      START,
    ];
    for (const reference of near) expect(store.owns(reference), reference).toBe(false);
    const hostile = fc
      .tuple(
        fc.constantFrom(START, ""),
        fc.array(fc.constantFrom("..", "/", "\\", "%2f", "\0", "a", "2026-11-26", ".")),
      )
      .map(([start, parts]) => start + parts.join(""));
    fc.assert(fc.property(fc.oneof(hostile, fc.string()), (reference) => store.owns(reference) === false));
  });

  it("follows no link that somebody put in the place of a claim", async () => {
    const secret = join(folder, "secret");
    writeFileSync(secret, "not yours");
    const claim = "2026-01-01/00000000-0000-4000-8000-000000000000";
    mkdirSync(dirname(join(folder, claim)), { recursive: true });
    symlinkSync(secret, join(folder, claim));
    await expect(folderStore({ path: folder }).get(START + claim, 100, never)).rejects.toThrow("WB_CLAIM_STORE_CALL");
  });

  it("says that nothing is there any more, and what keeps it from working", async () => {
    const store = folderStore({ path: folder });
    const reference = await store.put(Buffer.from("x"), about, never);
    rmSync(join(folder, reference.slice(START.length)));
    expect(await store.get(reference, 1, never)).toBeUndefined();
    const file = join(folder, "a-file");
    writeFileSync(file, "");
    const broken = folderStore({ path: file });
    const error = await broken.put(Buffer.from("x"), about, never).catch((one: unknown) => one);
    expect(error).toMatchObject({ code: "WB_CLAIM_STORE_CALL", sentence: expect.stringContaining("ENOTDIR") });
    expect(broken.classify(error)).toBe("invalid");
    expect(
      broken.classify({
        get code() {
          throw new Error("no");
        },
      }),
    ).toBe("unknown");
  });

  it("refuses options that make no sense", () => {
    expect(() => folderStore({ path: "" })).toThrow("WB_CLAIM_STORE_OPTION");
    expect(() => folderStore({ path: folder, container: "x" } as never)).toThrow("container does not exist");
  });
});
