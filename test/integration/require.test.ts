import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
/** The published doors that applications import. */
const DOORS = [
  "@waybill/core",
  "@waybill/core/spi",
  "@waybill/core/testing",
  "@waybill/memory",
  "@waybill/storage-queue",
  "@waybill/event-grid",
  "@waybill/outbox",
  "@waybill/outbox/sqlite",
  "@waybill/claim-check/blob",
  "@waybill/claim-check/folder",
  "@waybill/config",
  "@waybill/emulators",
];

it("the built packages load by require() and by import, without the sources", () => {
  expect(existsSync(join(ROOT, "packages/core/dist/index.js")), "tsc -b has run before the tests").toBe(true);
  const script = `
    const doors = ${JSON.stringify(DOORS)};
    const required = doors.map((door) => Object.keys(require(door)).length);
    Promise.all(doors.map(async (door) => Object.keys(await import(door)).length)).then((imported) =>
      console.log(JSON.stringify({ required, imported })));`;
  const output = execFileSync(process.execPath, ["-e", script], {
    cwd: ROOT,
    encoding: "utf8",
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  const { required, imported } = JSON.parse(output) as { required: number[]; imported: number[] };
  expect(Math.min(...required)).toBeGreaterThan(0);
  expect(imported).toHaveLength(required.length);
});
