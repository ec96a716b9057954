import { createRequire } from "node:module";
import type { Kafka } from "kafkajs";

const require = createRequire(import.meta.url);
const { lookup } = require("kafkajs/src/protocol/requests") as { lookup(versions: object): unknown };

interface TheirBroker {
  lookupRequest: unknown;
  fetch(given: object): Promise<unknown>;
  produce(given: object): Promise<unknown>;
}

interface Cluster {
  readonly brokerPool: { createBroker(options: object): TheirBroker };
}

/** What kafkajs hands to a connection. */
export interface SentCall {
  readonly request: { readonly apiVersion: number; readonly encode: () => Promise<{ readonly buffer: Buffer }> };
  readonly response: { readonly decode: unknown; readonly parse: unknown };
}

/** What kafkajs's own broker, of a cluster of this client, would hand to its connection where it speaks these APIs in this version. */
export async function callOf(
  client: Kafka,
  apiVersion: number,
  ask: (broker: TheirBroker) => Promise<unknown>,
): Promise<SentCall> {
  const create = Object.getOwnPropertySymbols(client).find(({ description }) =>
    description?.endsWith("createCluster"),
  )!;
  const { brokerPool } = (client as unknown as Record<symbol, (options: object) => Cluster>)[create]!({});
  let sent: SentCall | undefined;
  const send = async (call: SentCall) => {
    sent = call;
  };
  const broker = brokerPool.createBroker({ connectionPool: { connectionTimeout: 1, send }, logger: client.logger() });
  broker.lookupRequest = lookup(Array.from({ length: 2 }, () => ({ minVersion: 0, maxVersion: apiVersion })));
  await ask(broker);
  return sent!;
}
