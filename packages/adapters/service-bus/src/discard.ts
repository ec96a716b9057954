import type { Socket } from "node:net";
import type { ServiceBusClient } from "@azure/service-bus";

/** A connection that is dead already answers no goodbye. */
const GOODBYE_MS = 2_000;

/**
 * Closes a client, bounded in time, and then its socket. The SDK leaves a socket open whose peer answers no more, until an idle time of a minute
 * is over; meanwhile the broker takes it for alive and goes on sending messages to it, each lost to all until its lock ends. Never rejects.
 */
export async function discardClient(client: ServiceBusClient): Promise<void> {
  const socket = socketOf(client);
  let bound: NodeJS.Timeout | undefined;
  await Promise.race([
    client.close().catch(() => undefined),
    new Promise((resolve) => {
      bound = setTimeout(resolve, GOODBYE_MS);
    }),
  ]);
  clearTimeout(bound);
  socket?.destroy();
}

/** The SDK offers no way to it. Where its insides change there is none, and the idle time has to do. */
function socketOf(client: ServiceBusClient): Socket | undefined {
  const { _connectionContext: context } = client as unknown as {
    _connectionContext?: { connection?: { _connection?: { socket?: Partial<Socket> } } };
  };
  const socket = context?.connection?._connection?.socket;
  return typeof socket?.destroy === "function" ? (socket as Socket) : undefined;
}
