import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { createWebSocketStream, WebSocketServer } from "ws";

const PATH = /^\/\$servicebus\/websocket\/?(?:\?.*)?$/i;
/** What the SDKs ask for, the service's own first; one of them is granted. */
const PROTOCOLS = ["AMQPWSB10", "amqp", "binary"];

/**
 * AMQP over WebSocket, as both namespaces speak it at `/$servicebus/websocket`. Requests for an upgrade that come to the server are
 * answered; the bytes inside the messages go to `accept` as one stream.
 */
export function serveWebSockets(server: Server, maxMessageBytes: number, accept: (stream: Duplex) => void): void {
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: maxMessageBytes,
    handleProtocols: (asked) => PROTOCOLS.find((protocol) => asked.has(protocol)) ?? false,
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    if (!PATH.test(request.url ?? "")) {
      socket.end("HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
      return;
    }
    // A handshake that is none is answered with 400 and closed by the library.
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on("error", () => webSocket.terminate());
      const stream = createWebSocketStream(webSocket, { allowHalfOpen: false });
      stream.on("error", () => webSocket.terminate());
      accept(stream);
    });
  });
}
