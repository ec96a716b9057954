import type { EventHubProducerClient } from "@azure/event-hubs";
import type { Call } from "@waybill/core/spi";
import { timedOut } from "./classify.ts";
import { discardClient } from "./discard.ts";

/** One connection a hub, for all senders and questions; a new one after a call that nobody answered. */
export interface Producers {
  /** Hubs that were asked for. */
  readonly hubs: readonly string[];
  get(hub: string): EventHubProducerClient;
  /** As `call`, of that client. When it is not answered in time the client is closed, and the next `get` answers another. */
  watch(client: EventHubProducerClient, call: Call): Call;
  /** Resolves within seconds. */
  close(): Promise<void>;
}

/**
 * The SDK keeps a connection that carries nothing any more for minutes, and sends on it: what fails in time is tried again in vain. A new client costs one
 * connection, so that one silence is enough to part from the old.
 */
export function createProducers(open: (hub: string) => EventHubProducerClient): Producers {
  const current = new Map<string, EventHubProducerClient>();
  const leaving = new Set<Promise<void>>();

  const leave = (client: EventHubProducerClient) => {
    const left: Promise<void> = discardClient(client).finally(() => leaving.delete(left));
    leaving.add(left);
  };

  return {
    get hubs() {
      return [...current.keys()];
    },
    get(hub) {
      const known = current.get(hub);
      if (known !== undefined) return known;
      const made = open(hub);
      current.set(hub, made);
      return made;
    },
    watch: (client, call) => async (signal, run) => {
      try {
        return await call(signal, run);
      } catch (error) {
        const hub = client.eventHubName;
        if (timedOut(error) && current.get(hub) === client) {
          current.delete(hub);
          leave(client);
        }
        throw error;
      }
    },
    async close() {
      for (const client of current.values()) leave(client);
      current.clear();
      await Promise.all(leaving);
    },
  };
}
