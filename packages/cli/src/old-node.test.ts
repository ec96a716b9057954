import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const BIN = fileURLToPath(new URL("../bin/waybill.js", import.meta.url));

/** The command under a Node that says it is of this version. */
function onNode(version: string) {
  const says = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } })`;
  return spawnSync(process.execPath, ["--import", `data:text/javascript,${says}`, BIN, "--version"], {
    encoding: "utf8",
  });
}

it.each(["20.20.2", "22.17.1", "18.0.0"])("says which Node it needs on %s", (version) => {
  const { status, stdout, stderr } = onNode(version);
  expect({ status, stdout, stderr }).toEqual({
    status: 2,
    stdout: "",
    stderr: `waybill needs Node 22.18 or newer, and this is ${version}.\n`,
  });
});

it.each(["22.18.0", "24.0.0", "26.1.0"])("runs on %s", (version) => {
  expect(onNode(version)).toMatchObject({ status: 0, stderr: "" });
});
