import { once } from "node:events";
import type { Server as HttpServer } from "node:http";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { openTlsDoor, type TlsIdentity } from "../../tls-door.ts";

export interface SecureDoor {
  readonly port: number;
  /** The certificate that clients must be told to trust, PEM. */
  readonly certificate: string;
  close(): void;
}

/** The same endpoints over HTTPS, on a port of its own: token credentials of the SDK go nowhere else. */
export async function openSecureDoor(http: HttpServer, host: string, identity: TlsIdentity): Promise<SecureDoor> {
  const tls = openTlsDoor(identity, (socket) => void http.emit("connection", socket));
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    tls.accept(socket);
  });
  server.listen(0, host);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    certificate: tls.certificate,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
