import kafkajs, { type Kafka } from "kafkajs";
import { expect, it } from "vitest";
import { callOf } from "./broker-calls.test.fixture.ts";
import { changeCalls } from "./broker-calls.ts";
import { leaveRecords } from "./leave-records.ts";
import { writeRecords } from "./write-records.ts";

const message = { key: null, value: Buffer.from("v"), headers: { ce_id: "1" } };
const topicData = [{ topic: "orders", partitions: [{ partition: 0, firstSequence: 3, messages: [message] }] }];

/** kafkajs makes an encoder; ours is a Buffer that looks like one. */
async function isOurs(of: Kafka, apiVersion: number, given = {}): Promise<boolean> {
  const { request } = await callOf(of, apiVersion, (broker) => broker.produce({ topicData, ...given }));
  return Object.hasOwn(await request.encode(), "buffer");
}

const client = () => new kafkajs.Kafka({ brokers: ["127.0.0.1:1"] });

it("encodes what this client produces, of the version that it can write", async () => {
  const writing = client();
  changeCalls(writing, { fetch: leaveRecords, produce: writeRecords });
  expect(await isOurs(writing, 7)).toBe(true);
  expect(await isOurs(writing, 6)).toBe(false);
  expect(await isOurs(writing, 7, { compression: 1 })).toBe(false);
  expect(await isOurs(writing, 7, { transactionalId: "t" })).toBe(false);
  expect(await isOurs(client(), 7)).toBe(false);
});

it("is the same again when it is encoded again, whatever was encoded meanwhile", async () => {
  const writing = client();
  changeCalls(writing, { produce: writeRecords });
  const timeless = ({ buffer }: { readonly buffer: Buffer }) => {
    const copy = Buffer.from(buffer);
    // The checksum, and the two times: all else of the request stays as it is at a retry.
    const batch = copy.indexOf("orders") + "orders".length + 12;
    copy.fill(0, batch + 17, batch + 21).fill(0, batch + 27, batch + 43);
    return copy;
  };
  const { request } = await callOf(writing, 7, (broker) => broker.produce({ producerId: "5", topicData }));
  const first = await request.encode();
  const before = timeless(first);
  const second = await request.encode();
  expect(timeless(second)).toEqual(before);
  expect(timeless(first)).toEqual(before);
  expect(second.buffer.buffer).not.toBe(first.buffer.buffer);
});
