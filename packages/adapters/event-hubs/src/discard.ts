import type { Socket } from "node:net";
import type { EventHubConsumerClient, EventHubProducerClient } from "@azure/event-hubs";
import { inTime } from "./in-time.ts";

/** A connection that is dead already answers no goodbye. */
const GOODBYE_MS = 2_000;

interface Link {
  readonly authLoop?: { stop(): void };
}

/** The SDK offers no way to these. Where its insides change there is none, and its own times have to do: a minute for the socket, 45 for a token. */
interface Insides {
  readonly _context?: {
    readonly senders?: Readonly<Record<string, Link>>;
    readonly managementSession?: Link;
    readonly connection?: { readonly _connection?: { readonly socket?: Partial<Socket> } };
  };
}

/**
 * Closes a client, bounded in time, then its socket and its timers. Where the peer does not answer, the SDK leaves the socket open, to which the service
 * goes on sending, and the timer of a sender's next token running, which holds the process for up to 45 minutes. Never rejects.
 */
export async function discardClient(client: EventHubConsumerClient | EventHubProducerClient): Promise<void> {
  const { senders = {}, managementSession, connection } = (client as unknown as Insides)._context ?? {};
  const links = [...Object.values(senders), managementSession];
  const socket = connection?._connection?.socket;
  await inTime(client.close(), GOODBYE_MS);
  // With an error, for rhea listens to nothing else here: without it the timer of its heartbeat would run on for two minutes.
  socket?.destroy?.(Object.assign(new Error("The connection was given up."), { code: "ECONNABORTED" }));
  for (const link of links) link?.authLoop?.stop();
}
