// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how config files refer to variables
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startServiceBusEmulator } from "@waybill/emulators";
import { expect, it } from "vitest";

const BIN = fileURLToPath(new URL("../../packages/cli/bin/waybill.js", import.meta.url));

it("topology makes what an empty Service Bus namespace lacks, and then has nothing to do", async () => {
  const emulator = await startServiceBusEmulator();
  const folder = await mkdtemp(join(tmpdir(), "waybill-topology-"));
  try {
    const config = join(folder, "waybill.config.json");
    const broker = { adapter: "service-bus", connectionString: "${BUS}" };
    await writeFile(
      config,
      JSON.stringify({ source: "/s", broker, topics: { orders: { subscriptions: ["billing"] } } }),
    );
    let said = "";
    const codeOf = (...args: string[]) =>
      new Promise<unknown>((resolve) => {
        const env = { ...process.env, BUS: emulator.connectionString };
        execFile(process.execPath, [BIN, ...args, "--config", config], { env, timeout: 20_000 }, (error, _, stderr) => {
          said = stderr;
          resolve(error?.code ?? 0);
        });
      });
    expect(await codeOf("topology", "plan")).toBe(4);
    expect(await codeOf("publish", "orders", "--type", "placed", "--data", "{}")).toBe(1);
    expect(await codeOf("topology", "apply", "--yes")).toBe(0);
    expect(await codeOf("topology", "plan")).toBe(0);
    expect(await codeOf("publish", "orders", "--type", "placed", "--data", "{}")).toBe(0);
    // Subscriptions are made by an operator there: tail has none of its own, and takes from a declared one only when told to.
    expect(await codeOf("tail", "orders", "--for", "5s")).toBe(2);
    expect(said).toMatch(/WB_TAIL_NEEDS_SUBSCRIPTION/);
    expect(await codeOf("tail", "orders", "--subscription", "billing", "--take", "--max", "1")).toBe(0);
  } finally {
    await emulator.close();
    await rm(folder, { recursive: true, force: true });
  }
}, 60_000);
