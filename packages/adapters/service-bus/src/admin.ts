import type { ServiceBusAdministrationClient } from "@azure/service-bus";
import type { Call } from "@waybill/core/spi";
import { classify } from "./classify.ts";
import type { Connector } from "./connect.ts";
import type { ReadPlace } from "./entity-names.ts";

export interface Admin {
  /** Runs one call of the administration API. Throws what the SDK throws. */
  use<T>(
    signal: AbortSignal | undefined,
    run: (client: ServiceBusAdministrationClient, abortSignal: AbortSignal) => Promise<T>,
  ): Promise<T>;
  /** Messages that wait or are in somebody's hand; undefined where we may not ask (it takes the right Manage). */
  count(place: ReadPlace): Promise<number | undefined>;
}

export function createAdmin(connector: Connector, call: Call): Admin {
  let client: ServiceBusAdministrationClient | undefined;
  let mayAsk = true;

  const use: Admin["use"] = (signal, run) =>
    call(signal, async (abortSignal) => {
      client ??= connector.administration();
      return run(client, abortSignal);
    });

  return {
    use,
    async count({ entity, subscription }) {
      if (!mayAsk) return undefined;
      try {
        return await use(undefined, async (administration, abortSignal) => {
          const { activeMessageCount = 0 } =
            subscription === undefined
              ? await administration.getQueueRuntimeProperties(entity, { abortSignal })
              : await administration.getSubscriptionRuntimeProperties(entity, subscription, { abortSignal });
          return Math.max(0, activeMessageCount);
        });
      } catch (error) {
        const kind = classify(error);
        if (kind === "not-found") throw error;
        // Not asked again: the right does not come by itself, and the API may not be reachable where AMQP is.
        if (kind === "unauthorized") mayAsk = false;
        return undefined;
      }
    },
  };
}
