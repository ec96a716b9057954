import { createServer, type Server } from "node:net";
import { PortTaken } from "./port-taken.ts";
import type { Ports } from "./server-properties.ts";

/**
 * Two loopback ports that were free a moment ago, the broker's being `fixed` where it is given. Nothing keeps them: another process can
 * take one before Kafka does. Rejects with `PortTaken` when `fixed` is not free.
 */
export async function freePorts(fixed?: number): Promise<Ports> {
  // Held together, so that they differ.
  const servers = await Promise.all([listen(0), listen(fixed ?? 0)]);
  const [controller, broker] = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return { broker: broker as number, controller: controller as number };
}

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(error.code === "EADDRINUSE" ? new PortTaken(port) : error);
    });
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}
