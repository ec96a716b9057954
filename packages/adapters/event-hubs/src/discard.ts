import { inTime } from "./in-time.ts";
import { type Client, insidesOf } from "./rhea-connection.ts";

/** A connection that is dead already answers no goodbye. */
const GOODBYE_MS = 2_000;

/**
 * Closes a client, bounded in time, then its socket and its timers. Where the peer does not answer, the SDK leaves the socket open, to which the service
 * goes on sending, and the timer of a sender's next token running, which holds the process for up to 45 minutes. Never rejects.
 */
export async function discardClient(client: Client): Promise<void> {
  const { links, socket } = insidesOf(client);
  await inTime(client.close(), GOODBYE_MS);
  // With an error, for rhea listens to nothing else here: without it the timer of its heartbeat would run on for two minutes.
  socket?.destroy?.(Object.assign(new Error("The connection was given up."), { code: "ECONNABORTED" }));
  for (const link of links) link?.authLoop?.stop();
}
