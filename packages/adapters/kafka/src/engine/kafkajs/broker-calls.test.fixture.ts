import { createRequire } from "node:module";
import type { Kafka } from "kafkajs";

const require = createRequire(import.meta.url);
const Broker = require("kafkajs/src/broker") as new (options: object) => TheirBroker;
const { lookup } = require("kafkajs/src/protocol/requests") as { lookup(versions: object): unknown };

interface TheirBroker {
  lookupRequest: unknown;
  fetch(given: object): Promise<unknown>;
  produce(given: object): Promise<unknown>;
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
  const cluster = (
    client as unknown as Record<
      symbol,
      (options: object) => { brokerPool: object; findBroker(of: object): TheirBroker }
    >
  )[create]!({});
  let sent: SentCall | undefined;
  const send = async (call: SentCall) => {
    sent = call;
  };
  const broker = new Broker({ connectionPool: { connectionTimeout: 1, send }, logger: client.logger() });
  broker.lookupRequest = lookup(Array.from({ length: 2 }, () => ({ minVersion: 0, maxVersion: apiVersion })));
  Object.assign(cluster.brokerPool, { findBroker: async () => broker });
  for (let asked = 0; asked < 3; asked++) await cluster.findBroker({ nodeId: "1" });
  await ask(broker);
  return sent!;
}
