import { expect, it } from "vitest";
import { createClock } from "../clock.ts";
import { SERVICE_BUS } from "../fuzz/conversations.test.fixture.ts";
import { framesOf, MemorySocket } from "../fuzz/memory-socket.test.fixture.ts";
import { Broker } from "../service-bus/broker/broker.ts";
import { FaultPlan } from "../service-bus/fault-plan.ts";
import { Namespace } from "../service-bus/namespace.ts";
import { Access } from "../shared-access/access.ts";
import { Connection } from "./connection.ts";

const [, SENDING] = SERVICE_BUS;
const DISPOSITION = 0x15;

/** What a sender of two transfers hears, and whether what it heard had been committed before it left. */
async function send(commit: (stored: number) => void) {
  const broker = new Broker(createClock({ frozenAt: 0 }));
  const { main } = broker.createQueue("q").stores;
  const handler = new Namespace(
    broker,
    new FaultPlan(),
    new Access(),
    () => undefined,
    () => commit(main.size),
  );
  const socket = new MemorySocket();
  new Connection(socket, Buffer.alloc(0), handler);
  socket.push(Buffer.concat(SENDING!));
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  const answers = framesOf(Buffer.concat(socket.received)).filter((frame) => frame[10] === DISPOSITION);
  return { answers: answers.length, stored: main.size, socket };
}

it("commits before answers leave", async () => {
  const commits: number[] = [];
  const { answers, stored } = await send((size) => commits.push(size));
  expect([answers, stored]).toEqual([2, 3]);
  // All that was stored when it was called the first time with something stored: one commit for the whole read.
  expect(commits.filter((size) => size > 0)[0]).toBe(3);
});

it("sends no answer that could not be committed, and cuts the connection", async () => {
  const { answers, stored, socket } = await send((size) => {
    if (size > 0) throw new Error("the disk is full");
  });
  expect([answers, stored]).toEqual([0, 3]);
  expect(socket.destroyed).toBe(true);
});
