import type { Kafka } from "kafkajs";
import { decodeFetchResponse, FETCH_VERSION } from "./fetch-response.ts";

interface FetchRequest {
  readonly request: { readonly apiVersion: number };
  readonly response: object;
}
type CreateRequest = (given: object) => FetchRequest;
interface Broker {
  lookupRequest(apiKey: number, definition: object): CreateRequest;
  fetch(given: object): Promise<unknown>;
}
interface Cluster {
  findBroker(destination: { readonly nodeId: string }): Promise<Broker>;
}

const CREATE_CLUSTER = "private:Kafka:createCluster";

/**
 * kafkajs 2.2.4 decodes every record of a fetch at once into some 30 objects, which takes it longer than all else that it does and lives until the record's turn comes. The
 * consumers of this client leave records as they came; other clients in the process are as they were. Whatever else a fetch needs (metadata, connections, versions,
 * sessions, errors) stays with kafkajs.
 */
export function leaveRecords(kafka: Kafka): void {
  const client = kafka as unknown as Record<symbol, (options: object) => Cluster>;
  const name = Object.getOwnPropertySymbols(client).find(({ description }) => description === CREATE_CLUSTER);
  if (name === undefined) return;
  const create = client[name]!;
  client[name] = (options) => {
    const cluster = create(options);
    const find = cluster.findBroker.bind(cluster);
    const known = new WeakSet<Broker>();
    cluster.findBroker = async (destination) => {
      const broker = await find(destination);
      if (!known.has(broker)) patch(broker);
      known.add(broker);
      return broker;
    };
    return cluster;
  };
}

function patch(broker: Broker): void {
  const { fetch } = broker;
  // A broker looks its requests up anew when it has connected again.
  const lookupRequest = (apiKey: number, definition: object) => leaving(broker.lookupRequest(apiKey, definition));
  const fetching = Object.create(broker, { lookupRequest: { value: lookupRequest } }) as Broker;
  broker.fetch = (given) => fetch.call(fetching, given);
}

function leaving(create: CreateRequest): CreateRequest {
  return (given) => {
    const call = create(given);
    if (call.request.apiVersion !== FETCH_VERSION) return call;
    return { ...call, response: { ...call.response, decode: decodeFetchResponse } };
  };
}
