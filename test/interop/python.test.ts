import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { PythonUnavailable, python } from "./python.ts";
import { missing } from "./suite.ts";

if (missing !== undefined) console.warn(`interop: skipped. ${missing}`);

it("says what is missing, and leaves nothing behind", async () => {
  const cache = await mkdtemp(join(tmpdir(), "waybill-python-test-"));
  vi.stubEnv("PATH", cache);
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await rm(cache, { recursive: true, force: true });
  });
  const refused = python(cache);
  await expect(refused).rejects.toThrow(PythonUnavailable);
  await expect(refused).rejects.toThrow(/ENOENT/);
  expect(await readdir(cache)).toEqual([]);
});
