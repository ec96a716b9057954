import type { Kafka } from "kafkajs";

/** A request as kafkajs puts it together for a broker: what is sent, and how its answer is read. */
export interface BrokerCall {
  readonly request: { readonly apiVersion: number };
  readonly response: {
    readonly decode: (payload: Buffer) => Promise<unknown>;
    readonly parse: (decoded: unknown) => Promise<unknown>;
  };
}
export type CreateCall<Given> = (given: Given) => BrokerCall;

interface Broker {
  lookupRequest(apiKey: number, definition: object): CreateCall<object>;
  fetch(given: object): Promise<unknown>;
  produce(given: object): Promise<unknown>;
}
interface Cluster {
  findBroker(destination: { readonly nodeId: string }): Promise<Broker>;
}

const CREATE_CLUSTER = "private:Kafka:createCluster";

/**
 * Changes how the brokers of this client are asked to fetch or to produce; other clients in the process stay as they were, and so does all else that these
 * calls need: metadata, connections, versions, sessions, errors. Does nothing where kafkajs looks otherwise inside.
 */
export function changeCalls<Given extends object>(
  kafka: Kafka,
  call: "fetch" | "produce",
  change: (create: CreateCall<Given>) => CreateCall<Given>,
): void {
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

  const patch = (broker: Broker) => {
    const original = broker[call];
    // A broker looks its requests up anew when it has connected again.
    const lookupRequest = (apiKey: number, definition: object) =>
      change(broker.lookupRequest(apiKey, definition) as CreateCall<Given>);
    const asking = Object.create(broker, { lookupRequest: { value: lookupRequest } }) as Broker;
    broker[call] = (given) => original.call(asking, given);
  };
}
