import type { Socket } from "node:net";
import type { EventHubConsumerClient, EventHubProducerClient } from "@azure/event-hubs";

export type Client = EventHubConsumerClient | EventHubProducerClient;

interface Link {
  readonly authLoop?: { stop(): void };
}

/** The SDK offers no way to these. Where its insides change there is none, and its own habits have to do. */
interface Insides {
  readonly _context?: {
    readonly senders?: Readonly<Record<string, Link>>;
    readonly managementSession?: Link;
    readonly connection?: {
      readonly _connection?: { readonly options?: { tcp_no_delay?: boolean }; readonly socket?: Partial<Socket> };
    };
  };
}

/** What renews the tokens of a client's links, and the socket of its connection. */
export function insidesOf(client: Client): {
  links: readonly (Link | undefined)[];
  socket?: Partial<Socket> | undefined;
} {
  const { senders = {}, managementSession, connection } = (client as unknown as Insides)._context ?? {};
  return { links: [...Object.values(senders), managementSession], socket: connection?._connection?.socket };
}

/**
 * To be told before it connects: a write is not to wait for the acknowledgement of the last one, which the peer's kernel holds back for 40 ms and more.
 * A connection that the SDK makes anew by itself waits again.
 */
export function withoutDelay<T extends Client>(client: T): T {
  const options = (client as unknown as Insides)._context?.connection?._connection?.options;
  if (options !== undefined) options.tcp_no_delay = true;
  return client;
}
