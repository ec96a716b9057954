import type { Socket } from "node:net";
import { createServer } from "node:tls";
import { generate } from "selfsigned";

export interface TlsDoor {
  /** The certificate that clients must be told to trust, PEM. */
  readonly certificate: string;
  /** Takes a socket that starts with a TLS handshake. */
  accept(socket: Socket): void;
}

/** Speaks TLS with a certificate made on the spot, and hands the decrypted sockets on. */
export async function openTlsDoor(onSocket: (socket: Socket) => void): Promise<TlsDoor> {
  const made = await generate([{ name: "commonName", value: "localhost" }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      {
        name: "subjectAltName",
        altNames: [
          { type: 2, value: "localhost" },
          { type: 7, ip: "127.0.0.1" },
          { type: 7, ip: "::1" },
        ],
      },
    ],
  });
  const server = createServer({ key: made.private, cert: made.cert, handshakeTimeout: 10_000 }, onSocket);
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  return {
    certificate: made.cert,
    accept: (socket) => void server.emit("connection", socket),
  };
}
