import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** Stands between clients and a broker, on loopback, and spoils their connections. */
export interface TcpProxy {
  readonly port: number;
  /** Where new connections go: a broker that comes back elsewhere. Of several, to each in turn. */
  target(...ports: readonly [number, ...number[]]): void;
  /** Ends every connection with a reset. Returns how many. */
  cut(): number;
  /** The connections stay open and carry nothing more, in either direction; new ones work. Returns how many. `cut` ends them. */
  stall(): number;
  /** Refuses new connections and ends those that are, until told otherwise. */
  refuse(refused: boolean): void;
  close(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly broker: Socket;
  stalled: boolean;
}

export async function startTcpProxy(brokerPort: number): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let ports: readonly number[] = [brokerPort];
  let turn = 0;
  let refused = false;

  const end = (pair: Pair) => {
    if (!pairs.delete(pair)) return;
    pair.client.resetAndDestroy();
    pair.broker.destroy();
  };
  const server = createServer({ pauseOnConnect: true }, (client) => {
    if (refused) {
      client.resetAndDestroy();
      return;
    }
    const pair: Pair = {
      client,
      broker: connect({ port: ports[turn++ % ports.length]!, host: "127.0.0.1" }),
      stalled: false,
    };
    pairs.add(pair);
    for (const [from, to] of [
      [client, pair.broker],
      [pair.broker, client],
    ] as const) {
      from.setNoDelay(true);
      from.on("data", (chunk) => {
        if (pair.stalled) return;
        if (!to.write(chunk)) {
          from.pause();
          to.once("drain", () => from.resume());
        }
      });
      from.on("end", () => {
        if (!pair.stalled) to.end();
      });
      // Its close follows and ends the pair.
      from.on("error", () => undefined);
      from.on("close", () => end(pair));
    }
    client.resume();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  const cut = () => {
    const all = [...pairs];
    for (const pair of all) end(pair);
    return all.length;
  };
  return {
    port: (server.address() as AddressInfo).port,
    target: (...next) => {
      ports = next;
    },
    cut,
    stall: () => {
      for (const pair of pairs) pair.stalled = true;
      return pairs.size;
    },
    refuse: (now) => {
      refused = now;
      if (now) cut();
    },
    close: async () => {
      const closed = once(server, "close");
      server.close();
      cut();
      await closed;
    },
  };
}
