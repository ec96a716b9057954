import type { Kafka } from "kafkajs";

/** A request as kafkajs puts it together for a broker: what is sent, and how its answer is read. */
export interface BrokerCall {
  readonly request: { readonly apiVersion: number };
  readonly response: {
    readonly decode: (payload: Buffer) => Promise<unknown>;
    readonly parse: (decoded: unknown) => Promise<unknown>;
  };
}
/** Given what kafkajs gives it. */
export type CreateCall = (given: never) => BrokerCall;
export type ChangeCall = (create: CreateCall) => CreateCall;
type Name = "fetch" | "produce" | "metadata";
export type CallChanges = Readonly<Partial<Record<Name, ChangeCall>>>;

type Broker = Record<Name, (given: object) => Promise<unknown>> & {
  lookupRequest(apiKey: number, definition: object): CreateCall;
};
interface Cluster {
  readonly brokerPool?: { createBroker?: (options: object) => Broker };
}

const CREATE_CLUSTER = "private:Kafka:createCluster";

/**
 * Changes how the brokers of this client are asked; other clients in the process stay as they were, and so does all else that these
 * calls need: connections, versions, sessions, errors. Does nothing where kafkajs looks otherwise inside.
 */
export function changeCalls(kafka: Kafka, changes: CallChanges): void {
  const client = kafka as unknown as Record<symbol, (options: object) => Cluster>;
  const name = Object.getOwnPropertySymbols(client).find(({ description }) => description === CREATE_CLUSTER);
  if (name === undefined) return;
  const createCluster = client[name]!;
  client[name] = (options) => {
    const cluster = createCluster(options);
    const pool = cluster.brokerPool;
    const createBroker = pool?.createBroker;
    if (createBroker !== undefined) {
      pool!.createBroker = (given) => {
        const broker = createBroker(given);
        for (const [call, change] of Object.entries(changes)) changeCall(broker, call as Name, change);
        return broker;
      };
    }
    return cluster;
  };
}

function changeCall(broker: Broker, name: Name, change: ChangeCall): void {
  const original = broker[name];
  // A broker looks its requests up anew when it has connected again.
  const lookupRequest = (apiKey: number, definition: object) => change(broker.lookupRequest(apiKey, definition));
  const asking = Object.create(broker, { lookupRequest: { value: lookupRequest } }) as Broker;
  broker[name] = (given) => original.call(asking, given);
}
