import { spawn } from "node:child_process";
import { expect, it } from "vitest";
import { readAddresses } from "./azurite-output.ts";

/** A child that prints what Azurite prints, or what it prints when things go wrong. */
const printing = (script: string) => spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "pipe"] });
const log = (line: string) => `console.log(${JSON.stringify(line)});`;

it("reads the addresses that the single services and the joint one print", async () => {
  const queue = "http://127.0.0.1:1001";
  const blob = "http://127.0.0.1:1002";
  const alone = printing(log(`Azurite Queue service successfully listens on ${queue}`));
  expect(await readAddresses(alone, ["queue"], 5_000)).toEqual({ queue });
  const joint = printing(
    log(`Azurite Blob service is successfully listening at ${blob}`) +
      log(`Azurite Queue service is successfully listening at ${queue}`),
  );
  expect(await readAddresses(joint, ["queue", "blob"], 5_000)).toEqual({ queue, blob });
});

it("rejects with what was printed when the child ends, stays silent or cannot be started", async () => {
  const ending = printing('console.error("no such option"); process.exitCode = 1');
  await expect(readAddresses(ending, ["queue"], 5_000)).rejects.toThrow(/exit code 1.*no such option/s);
  const silent = printing("setInterval(() => {}, 1000)");
  await expect(readAddresses(silent, ["queue"], 50)).rejects.toThrow(
    "did not listen within 50 ms. It printed: nothing",
  );
  silent.kill();
  const absent = spawn("/no/such/program", { stdio: ["ignore", "pipe", "pipe"] });
  await expect(readAddresses(absent, ["queue"], 5_000)).rejects.toThrow("could not be started");
});
