import { expect, it } from "vitest";
import { int } from "../../amqp/values.ts";
import { writeMessage } from "../../amqp/write-message.ts";
import { createClock } from "../../clock.ts";
import { parseAddress } from "../broker/address.ts";
import { Broker } from "../broker/broker.ts";
import { readContent } from "../broker/content.ts";
import { deleteBatch } from "./message-operations.ts";
import { RequestBody } from "./request-body.ts";

// No SDK for JavaScript has a call for it yet.
// fidelity service-bus: batch delete
it("deletes so many of the oldest messages, and none that came later or is held", () => {
  const clock = createClock({ frozenAt: 10_000 });
  const broker = new Broker(clock);
  const queue = broker.createQueue("q");
  const put = (count: number) =>
    broker.router.send(
      queue,
      Array.from({ length: count }, () => readContent(writeMessage({ body: "x" }))),
    );
  const ask = (count: number, before: Date) =>
    deleteBatch({
      broker,
      address: parseAddress("q"),
      body: new RequestBody(
        new Map<string, unknown>([
          ["message-count", count],
          ["enqueued-time-utc", before],
        ]),
      ),
    })?.get("message-count");
  put(5);
  clock.advance(1_000);
  put(2);
  const holder = {
    credit: 1,
    receiveAndDelete: false,
    session: undefined,
    deliver: () => {
      holder.credit = 0;
    },
  };
  queue.stores.main.attach(holder);
  expect(ask(3, new Date(10_500))).toEqual(int(3));
  expect([...queue.stores.main.all()].map(({ sequenceNumber }) => sequenceNumber)).toEqual([1, 5, 6, 7]);
  expect(ask(100, new Date(10_500))).toEqual(int(1));
  // "No content": there was nothing that old.
  expect(ask(100, new Date(10_500))).toBeUndefined();
  expect(queue.stores.main.size).toBe(3);
});
