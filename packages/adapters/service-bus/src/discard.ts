import type { ServiceBusClient } from "@azure/service-bus";
import { rheaOf } from "./rhea-connection.ts";

/** A connection that is dead already answers no goodbye. */
const GOODBYE_MS = 2_000;

/**
 * Closes a client, bounded in time, then its socket, and ends what still waits on it. The SDK leaves a socket open whose peer answers no more, until an
 * idle time of a minute is over; meanwhile the broker takes it for alive and goes on sending messages to it, each lost to all until its lock ends. And
 * it waits a minute for a session that nobody will have, which keeps the process from ending. Never rejects.
 */
export async function discardClient(client: ServiceBusClient): Promise<void> {
  const rhea = rheaOf(client);
  let bound: NodeJS.Timeout | undefined;
  await Promise.race([
    client.close().catch(() => undefined),
    new Promise((resolve) => {
      bound = setTimeout(resolve, GOODBYE_MS);
    }),
  ]);
  clearTimeout(bound);
  const error = Object.assign(new Error("The connection is closed."), { code: "ECONNABORTED" });
  // With an error: of a mere close rhea does not hear, and its idle timers run on.
  rhea?.socket?.destroy?.(error);
  // Of a connection that was closed in order, links that are still being opened hear nothing by themselves.
  rhea?.emit("disconnected", { connection: rhea, error });
}

/**
 * Aborts once the client is closed, and not before: the SDK closes a link that is aborted while it opens without looking whether that works, and
 * where the service refuses the link at that moment, the process meets a rejection that nobody handles, and ends.
 */
export function endAfter(closed: Promise<void>, ended: AbortController): void {
  void closed.then(() => ended.abort());
}
