import kafkajs from "kafkajs";
import { expect, it } from "vitest";
import { decodeFetchResponse } from "./fetch-response.ts";
import { leaveRecords } from "./leave-records.ts";

interface Call {
  readonly response: { readonly decode: unknown; readonly parse: unknown };
}

/** What a broker that speaks this version would be asked, by a cluster of this client. */
async function fetchCall(client: object, apiVersion: number): Promise<Call> {
  const [create] = Object.getOwnPropertySymbols(client).filter(({ description }) =>
    description?.endsWith("createCluster"),
  );
  const cluster = (
    client as Record<symbol, (options: object) => { brokerPool: object; findBroker(of: object): unknown }>
  )[create!]!({});
  const broker = {
    lookupRequest: () => () => ({ request: { apiVersion }, response: { decode: "theirs", parse: "theirs" } }),
    fetch(given: object): unknown {
      return (this.lookupRequest as (...of: unknown[]) => (given: object) => unknown)(1, {})(given);
    },
  };
  Object.assign(cluster.brokerPool, { findBroker: async () => broker });
  for (let asked = 0; asked < 3; asked++) await cluster.findBroker({ nodeId: "1" });
  return broker.fetch({}) as Call;
}

const client = () => new kafkajs.Kafka({ brokers: ["127.0.0.1:1"] });

it("decodes fetches of this client alone, of the version that it can read", async () => {
  const leaving = client();
  leaveRecords(leaving);
  expect((await fetchCall(leaving, 11)).response).toEqual({ decode: decodeFetchResponse, parse: "theirs" });
  expect((await fetchCall(leaving, 10)).response.decode).toBe("theirs");
  expect((await fetchCall(client(), 11)).response.decode).toBe("theirs");
});
