import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { open } from "./service-bus.fixture.ts";

const PROGRAM = fileURLToPath(new URL("./service-bus-exit.program.ts", import.meta.url));
/** The SDK's own timers would keep the process for 60 s and more. */
const PATIENCE_MS = 40_000;

describe.each(["none", "buckets"] as const)("with sessions: %s", (sessions) => {
  it(
    "nothing keeps the process once the bus is closed",
    async () => {
      const { emulator, adapter, apply } = await open();
      await apply(adapter({ sessions }));
      const args = ["--conditions=waybill-source", PROGRAM, emulator.connectionString, sessions];
      const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: PATIENCE_MS });
      expect(stdout.trim()).toBe("closed");
    },
    PATIENCE_MS + 10_000,
  );
});
