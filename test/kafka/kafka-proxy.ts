import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** Of a request's head, from its start: length, API, its version, correlation id, then the client's name. */
const CLIENT_ID_AT = 14;

interface Link {
  readonly client: string;
  readonly sockets: readonly [Socket, Socket];
}

export interface KafkaProxy {
  readonly address: string;
  /** Where the broker really is: known only when it has started, and it must know the proxy before. */
  target(address: string): void;
  /** Nothing more of this client passes, either way, and nobody is told: its machine is gone. New connections of it hang as well. */
  freeze(clientId: string): void;
  /** Cuts its connections; new ones are let through. */
  cut(clientId: string): void;
  close(): Promise<void>;
}

/** Stands before a broker whose listener advertises it, and tells clients apart by the name that each of their requests carries. */
export async function kafkaProxy(): Promise<KafkaProxy> {
  const links = new Set<Link>();
  const open = new Set<Socket>();
  const frozen = new Set<string>();
  let to: { host: string; port: number } | undefined;

  const freezeLink = ({ sockets }: Link) => {
    for (const socket of sockets) {
      socket.unpipe();
      socket.pause();
    }
  };
  const server = createServer((near) => {
    open.add(near);
    near.on("error", () => near.destroy());
    near.once("data", (first: Buffer) => {
      near.pause();
      const client = first.toString("utf8", CLIENT_ID_AT, CLIENT_ID_AT + first.readInt16BE(CLIENT_ID_AT - 2));
      if (frozen.has(client) || to === undefined) return;
      const far = connect(to);
      open.add(far);
      const link: Link = { client, sockets: [near, far] };
      links.add(link);
      far.on("error", () => near.destroy());
      for (const [one, other] of [[near, far] as const, [far, near] as const]) {
        one.on("close", () => {
          links.delete(link);
          open.delete(one);
          if (!frozen.has(client)) other.destroy();
        });
      }
      far.write(first);
      near.pipe(far);
      far.pipe(near);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };

  return {
    address: `127.0.0.1:${port}`,
    target(address) {
      const [host = "", number] = address.split(":");
      to = { host, port: Number(number) };
    },
    freeze(clientId) {
      frozen.add(clientId);
      for (const link of links) if (link.client === clientId) freezeLink(link);
    },
    cut(clientId) {
      for (const { client, sockets } of links) if (client === clientId) for (const socket of sockets) socket.destroy();
    },
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
