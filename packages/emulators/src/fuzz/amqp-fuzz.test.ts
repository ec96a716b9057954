import { describe, expect, it } from "vitest";
import type { LinkHandler } from "../amqp/attach-request.ts";
import { Connection } from "../amqp/connection.ts";
import { createClock } from "../clock.ts";
import { FaultPlan as HubFaults } from "../event-hubs/fault-plan.ts";
import { Hubs } from "../event-hubs/hubs.ts";
import { Namespace as HubNamespace } from "../event-hubs/namespace.ts";
import { Broker } from "../service-bus/broker/broker.ts";
import { FaultPlan } from "../service-bus/fault-plan.ts";
import { Namespace } from "../service-bus/namespace.ts";
import { Access } from "../shared-access/access.ts";
import { type Conversation, EVENT_HUBS, SERVICE_BUS } from "./conversations.test.fixture.ts";
import { framesOf, MemorySocket } from "./memory-socket.test.fixture.ts";
import { mutateBytes, randomOf } from "./mutate.test.fixture.ts";

/** Together with http-fuzz.test.ts more than 100 000. */
const INPUTS = { serviceBus: 60_000, eventHubs: 20_000 };
const AT_ONCE = 100;
const MAX_MESSAGES = 200;

const settled = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));

/** A conversation with something wrong in it: bytes of a piece, its length put right or not, or the order of the pieces. */
function spoil(conversation: Conversation, random: (below: number) => number): Buffer {
  const pieces = [...conversation];
  const at = random(pieces.length);
  switch (random(8)) {
    case 0:
      pieces.splice(at, 1);
      break;
    case 1:
      pieces.splice(at, 0, pieces[random(pieces.length)]!);
      break;
    case 2:
      return Buffer.concat(pieces).subarray(0, random(Buffer.concat(pieces).length));
    case 3:
      pieces[at] = mutateBytes(pieces[at]!, random);
      break;
    default: {
      const piece = mutateBytes(pieces[at]!, random);
      // The frame stays a frame, so that what is in it is looked at.
      if (piece.length >= 8) piece.writeUInt32BE(piece.length, 0);
      pieces[at] = piece;
    }
  }
  return Buffer.concat(pieces);
}

interface Target {
  readonly handler: LinkHandler;
  readonly conversations: readonly Conversation[];
  /** Removes what has come together; throws when the state is not sound. */
  tidy(): void;
}

async function fuzz(target: Target, inputs: number, seed: number): Promise<string[]> {
  const random = randomOf(seed);
  const problems: string[] = [];
  for (let done = 0; done < inputs; done += AT_ONCE) {
    const sent = Array.from({ length: AT_ONCE }, () => {
      const bytes = spoil(target.conversations[random(target.conversations.length)]!, random);
      const socket = new MemorySocket();
      new Connection(socket, Buffer.alloc(0), target.handler);
      socket.sendAndEnd(bytes);
      return { bytes, socket };
    });
    await settled();
    for (const { bytes, socket } of sent) {
      const problem = problemOf(socket);
      if (problem !== undefined) problems.push(`${problem}: ${bytes.toString("hex")}`);
      socket.destroy();
    }
    target.tidy();
    if (problems.length > 3) break;
  }
  return problems;
}

function problemOf(socket: MemorySocket): string | undefined {
  if (!socket.writableEnded && !socket.destroyed) return "left open";
  const received = Buffer.concat(socket.received);
  try {
    framesOf(received);
  } catch (error) {
    return (error as Error).message;
  }
  // An exception that nobody foresaw: a broken peer is always told what is wrong.
  return received.includes("amqp:internal-error") ? "an error inside" : undefined;
}

async function answersOf(handler: LinkHandler, conversation: Conversation): Promise<string> {
  const socket = new MemorySocket();
  new Connection(socket, Buffer.alloc(0), handler);
  socket.push(Buffer.concat(conversation));
  await settled();
  socket.destroy();
  return framesOf(Buffer.concat(socket.received))
    .map((frame) => frame[10]!.toString(16))
    .join(" ");
}

describe("AMQP from broken peers", () => {
  // fidelity service-bus: hostile peers
  it(`the Service Bus emulator: ${INPUTS.serviceBus} inputs`, { timeout: 240_000 }, async () => {
    const clock = createClock({ frozenAt: 1_700_000_000_000 });
    const broker = new Broker(clock);
    const make = () => {
      broker.createQueue("q");
      broker.createQueue("ordered", { requiresSession: true });
      broker.createTopic("t");
      broker.createSubscription("t", "all");
    };
    make();
    const handler = new Namespace(
      broker,
      new FaultPlan(),
      new Access(),
      () => undefined,
      () => undefined,
    );
    const answers = () => Promise.all(SERVICE_BUS.map((conversation) => answersOf(handler, conversation)));
    const renew = () => {
      for (const entity of [...broker.all()]) broker.remove(entity);
      make();
    };
    const before = await answers();
    renew();
    const tidy = () => {
      clock.advance(1_000);
      const queue = broker.find("q");
      if (queue?.kind === "queue" && queue.stores.main.size > MAX_MESSAGES) renew();
    };
    expect(await fuzz({ handler, conversations: SERVICE_BUS, tidy }, INPUTS.serviceBus, 1)).toEqual([]);
    // It goes on as if nothing had been.
    renew();
    expect(await answers()).toEqual(before);
    expect(before[1]).toMatch(/15/);
  });

  // fidelity event-hubs: hostile peers
  it(`the Event Hubs emulator: ${INPUTS.eventHubs} inputs`, { timeout: 240_000 }, async () => {
    const clock = createClock({ frozenAt: 1_700_000_000_000 });
    const hubs = new Hubs(clock, undefined);
    const hub = hubs.create("hub", { partitionCount: 2, retentionMs: 5_000 });
    const handler = new HubNamespace(hubs, new HubFaults(), clock, new Access(), () => undefined);
    const answers = () => Promise.all(EVENT_HUBS.map((conversation) => answersOf(handler, conversation)));
    const before = await answers();
    const tidy = () => {
      clock.advance(1_000);
      for (const partition of hub.partitions)
        for (const { readers } of partition.groups())
          if ([...readers].length > 0) throw new Error("Somebody still reads who is gone.");
    };
    expect(await fuzz({ handler, conversations: EVENT_HUBS, tidy }, INPUTS.eventHubs, 2)).toEqual([]);
    expect(handler.links.size).toBe(0);
    const after = await answers();
    expect(after.slice(0, 3)).toEqual(before.slice(0, 3));
  });
});
