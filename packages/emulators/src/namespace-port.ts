import type { Server } from "node:http";
import type { Socket } from "node:net";
import { type Listener, type ListenerOptions, listen } from "./amqp/listener.ts";
import { serveWebSockets } from "./amqp/web-socket-door.ts";
import { openTlsDoor, type TlsIdentity } from "./tls-door.ts";

export interface NamespacePortOptions extends Omit<ListenerOptions, "other"> {
  /** Answers HTTP. AMQP over WebSocket is served beside its requests. */
  readonly http: Server;
  /** With it, everything is spoken over TLS too. */
  readonly tls: TlsIdentity | undefined;
}

const TLS_HANDSHAKE = 0x16;
/** A peer puts a frame or a few in one message; the limit of a frame is the connection's. */
const MAX_WEB_SOCKET_MESSAGE = 4 * 1024 * 1024;

/** One port for AMQP, HTTP and AMQP over WebSocket, each with or without TLS: the first byte tells which. Rejects when it is taken. */
export async function openNamespacePort(options: NamespacePortOptions): Promise<Listener> {
  const { http } = options;
  const takeHttp = (socket: Socket) => {
    http.emit("connection", socket);
    // The first bytes were put back while it was paused.
    process.nextTick(() => socket.resume());
  };
  const tls = options.tls && openTlsDoor(options.tls, (socket) => listener.accept(socket));
  const listener = await listen({
    ...options,
    other: (socket, firstByte) => {
      if (firstByte !== TLS_HANDSHAKE) takeHttp(socket);
      else if (tls === undefined) socket.destroy();
      else tls.accept(socket);
    },
  });
  serveWebSockets(http, MAX_WEB_SOCKET_MESSAGE, (stream) => listener.acceptAmqp(stream));
  return {
    ...listener,
    close: async () => {
      http.closeAllConnections();
      await listener.close();
    },
  };
}
