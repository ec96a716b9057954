import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { LinkHandler } from "./attach-request.ts";
import { Connection, type ConnectionLimits } from "./connection.ts";

export interface ListenerOptions extends ConnectionLimits {
  /** Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** Default: a free one. */
  readonly port?: number | undefined;
  readonly handler: LinkHandler;
  /** Takes a socket whose first byte is none of AMQP's, the byte put back: HTTP or TLS on the same port. Default: it is cut. */
  readonly other?: ((socket: Socket, firstByte: number) => void) | undefined;
  /** Sockets open at once; more are cut at the door. Default 5 000, as the service's. */
  readonly maxConnections?: number | undefined;
}

export interface Listener {
  readonly host: string;
  readonly port: number;
  readonly connections: ReadonlySet<Connection>;
  /** Takes a socket that was inside something else, as if it had come to the port. */
  accept(socket: Socket): void;
  /** Takes a stream that can only be AMQP. */
  acceptAmqp(stream: Duplex): void;
  /** Cuts every socket and stops listening. Idempotent. */
  close(): Promise<void>;
}

const FIRST_BYTE_MS = 20_000;
const FIRST_OF_AMQP = 0x41;

/** Listens on one port; rejects when it is taken. */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const sockets = new Set<Socket>();
  const connections = new Set<Connection>();
  const speak = (socket: Duplex, first: Buffer) => {
    const connection = new Connection(socket, first, options.handler, options);
    connections.add(connection);
    socket.on("close", () => connections.delete(connection));
  };
  const enter = <T extends Duplex>(socket: T, other: ((socket: T, firstByte: number) => void) | undefined) => {
    socket.on("error", () => socket.destroy());
    const timer = setTimeout(() => socket.destroy(), FIRST_BYTE_MS);
    timer.unref();
    socket.once("close", () => clearTimeout(timer));
    socket.once("data", (first: Buffer) => {
      clearTimeout(timer);
      // "A" starts no HTTP method in use and no TLS record.
      if (first[0] === FIRST_OF_AMQP) speak(socket, first);
      else if (other === undefined) socket.destroy();
      else {
        // Other protocols set up their own readers: the bytes must wait for them.
        socket.pause();
        socket.unshift(first);
        other(socket, first[0] ?? 0);
      }
    });
  };
  const server: Server = createServer((socket) => {
    if (sockets.size >= (options.maxConnections ?? 5_000)) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    enter(socket, options.other);
  });
  server.listen(options.port ?? 0, options.host ?? "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port.");
  let closing: Promise<void> | undefined;
  return {
    host: options.host ?? "127.0.0.1",
    port: address.port,
    connections,
    accept: (socket) => enter(socket, options.other),
    acceptAmqp: (stream) => enter(stream, undefined),
    close: () => {
      closing ??= new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      });
      return closing;
    },
  };
}
