import { createInterface } from "node:readline";
import { startEmulators } from "@waybill/emulators";

/**
 * `node --conditions=waybill-source test/emulators/emulator-main.ts '{…}'` starts emulators in a process of their own, with the configuration
 * that `startEmulators` takes, and prints how to reach them as one line. Answers each line of its standard input with what it has used
 * so far; ends with it.
 */
async function main(): Promise<void> {
  const emulators = await startEmulators(JSON.parse(process.argv[2] ?? "{}"));
  const { serviceBus, eventHubs, eventGrid, storage } = emulators;
  const addresses = {
    serviceBus: serviceBus?.connectionString,
    eventHubs: eventHubs?.connectionString,
    eventGrid: eventGrid?.endpoint,
    eventGridKey: eventGrid?.key,
    storage: storage?.connectionString,
  };
  process.stdout.write(`${JSON.stringify(addresses)}\n`);
  createInterface(process.stdin)
    .on("line", (line) => {
      if (line === "memory") globalThis.gc?.();
      const { heapUsed, external, rss } = process.memoryUsage();
      const { user, system } = process.cpuUsage();
      process.stdout.write(`${JSON.stringify({ bytes: heapUsed + external, rss, cpuMs: (user + system) / 1_000 })}\n`);
    })
    .on("close", () => {
      void emulators.close().then(() => process.exit(0));
    });
}

void main();
