import { startEmulators } from "@waybill/emulators";

/**
 * `node --conditions=source test/emulators/emulator-main.ts '{…}'` starts emulators in a process of their own, with the configuration
 * that `startEmulators` takes, and prints how to reach them as one line. Ends with its standard input.
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
  process.stdin.resume().on("end", () => {
    void emulators.close().then(() => process.exit(0));
  });
}

void main();
