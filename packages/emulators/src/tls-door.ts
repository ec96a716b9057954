import type { Socket } from "node:net";
import { createServer } from "node:tls";
import { generate } from "selfsigned";

/** A key and the certificate for it, which clients must be told to trust; PEM. */
export interface TlsIdentity {
  readonly key: string;
  readonly certificate: string;
}

export interface TlsDoor {
  readonly certificate: string;
  /** Takes a socket that starts with a TLS handshake. */
  accept(socket: Socket): void;
}

/** Makes an identity for this machine's loopback names, valid for a year. It proves nothing to anybody else. */
export async function createTlsIdentity(): Promise<TlsIdentity> {
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
  return { key: made.private, certificate: made.cert };
}

/** What `tls` of an emulator means: nothing, an identity of its own, or one that several share. */
export async function identityOf(tls: boolean | TlsIdentity | undefined): Promise<TlsIdentity | undefined> {
  if (tls === undefined || tls === false) return undefined;
  return tls === true ? await createTlsIdentity() : tls;
}

/** Speaks TLS, and hands the decrypted sockets on. */
export function openTlsDoor({ key, certificate }: TlsIdentity, onSocket: (socket: Socket) => void): TlsDoor {
  const server = createServer({ key, cert: certificate, handshakeTimeout: 10_000 }, onSocket);
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  return { certificate, accept: (socket) => void server.emit("connection", socket) };
}
