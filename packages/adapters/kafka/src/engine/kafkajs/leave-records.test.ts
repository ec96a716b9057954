import kafkajs, { type Kafka } from "kafkajs";
import { expect, it } from "vitest";
import { callOf } from "./broker-calls.test.fixture.ts";
import { changeCalls } from "./broker-calls.ts";
import { decodeFetchResponse } from "./fetch-response.ts";
import { leaveRecords } from "./leave-records.ts";
import { writeRecords } from "./write-records.ts";

const decodeOf = async (of: Kafka, apiVersion: number) =>
  (await callOf(of, apiVersion, (broker) => broker.fetch({ topics: [] }))).response.decode;

const client = () => new kafkajs.Kafka({ brokers: ["127.0.0.1:1"] });

it("decodes fetches of this client alone, of the version that it can read", async () => {
  const leaving = client();
  changeCalls(leaving, { fetch: leaveRecords, produce: writeRecords });
  expect(await decodeOf(leaving, 11)).toBe(decodeFetchResponse);
  expect(await decodeOf(leaving, 10)).toBe(await decodeOf(client(), 10));
  expect(await decodeOf(client(), 11)).not.toBe(decodeFetchResponse);
});
