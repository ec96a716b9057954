import type { Base, Connection } from "@platformatic/kafka";
import { isCertificateTrouble } from "@waybill/core/spi";
import { withinSeconds } from "../within-seconds.ts";

export interface Connections {
  /**
   * Rejects with a refusal of this client's certificate, if there was one. The broker refuses it when both ends take the connection for made: the library
   * tells that to the connection, and whoever waits for an answer only that it was closed.
   */
  told<T>(asking: Promise<T>): Promise<T>;
  /** Waits some seconds for `closing`, then ends what is left: sockets, and with them the timers of what nobody will answer any more. */
  end(closing: Promise<unknown>): Promise<void>;
}

/** Watches the connections of a client of the library's, which forgets those that failed, and waits for a silent broker as long as for any request. */
export function watchConnections(client: Pick<Base, "connections">): Connections {
  const pool = client.connections;
  const made = new Set<Connection>();
  let refusal: Error | undefined;
  pool.on("connecting", ({ connection }: { connection: Connection }) => {
    for (const one of made) if (one.socket?.destroyed) made.delete(one);
    made.add(connection);
    connection.on("error", (error: Error) => {
      const { code } = (error.cause ?? {}) as { code?: unknown };
      if (typeof code === "string" && isCertificateTrouble(code)) refusal = error;
    });
  });
  return {
    async told(asking) {
      refusal = undefined;
      try {
        return await asking;
      } catch (error) {
        throw refusal ?? error;
      }
    },
    async end(closing) {
      await withinSeconds(closing);
      // First, so that nobody connects anew.
      pool.close().catch(() => undefined);
      for (const { socket } of made) socket?.destroy();
      made.clear();
    },
  };
}
