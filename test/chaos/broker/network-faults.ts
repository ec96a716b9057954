import { setTimeout as sleep } from "node:timers/promises";
import type { Carrier } from "./carrier.ts";
import type { TcpProxy } from "./tcp-proxy.ts";

/** What a proxy can do to any broker. */
export function proxied(proxy: TcpProxy): Pick<Carrier["faults"], "cut" | "half-open"> {
  return {
    cut: async () => {
      proxy.cut();
    },
    "half-open": async (random) => {
      proxy.stall();
      await sleep(1_000 + random() * 2_000);
    },
  };
}

/** Nobody gets through for a while. */
export async function outage(proxy: TcpProxy, random: () => number): Promise<void> {
  proxy.refuse(true);
  await sleep(1_000 + random() * 3_000);
  proxy.refuse(false);
}
