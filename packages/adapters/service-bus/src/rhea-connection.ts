import type { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import type { ServiceBusClient } from "@azure/service-bus";

/** What is needed of rhea's connection, which is under the SDK. */
export interface RheaConnection extends Pick<EventEmitter, "emit"> {
  readonly options: { tcp_no_delay?: boolean };
  readonly socket?: Partial<Socket>;
}

/** The SDK offers no way to it. Where its insides change there is none, and its own habits have to do. */
export function rheaOf(client: ServiceBusClient): RheaConnection | undefined {
  const { _connectionContext: context } = client as unknown as {
    _connectionContext?: { connection?: { _connection?: Partial<RheaConnection> } };
  };
  const rhea = context?.connection?._connection;
  return typeof rhea?.emit === "function" && rhea.options !== undefined ? (rhea as RheaConnection) : undefined;
}

/**
 * To be told before it connects: a write is not to wait for the acknowledgement of the last one, which the peer's kernel holds back for 40 ms and more.
 * A connection that the SDK makes anew by itself waits again; ours are new clients.
 */
export function withoutDelay(client: ServiceBusClient): ServiceBusClient {
  const rhea = rheaOf(client);
  if (rhea !== undefined) rhea.options.tcp_no_delay = true;
  return client;
}
