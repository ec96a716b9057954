import { parseArgs } from "node:util";
import { loadConfig } from "@waybill/config";
import { openConsumerHost } from "../consumer-host.ts";
import { planFaults } from "../faults.ts";

/** A consumer in a process of its own. SIGTERM drains it. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      config: { type: "string" },
      seed: { type: "string" },
      flights: { type: "string" },
      fixed: { type: "boolean", default: false },
    },
  });
  const told = new Promise<void>((resolve) => {
    process.once("SIGTERM", resolve);
    // At the terminal Ctrl-C reaches the whole group: the parent decides.
    process.on("SIGINT", () => undefined);
  });
  const host = await openConsumerHost(await loadConfig({ file: values.config }));
  const plan = planFaults(Number(values.seed), Number(values.flights));
  const { order } = await host.start({ plan, fixed: values.fixed });
  process.send?.({ order });
  await told;
  await host.close();
  process.exit(0);
}

void main();
