import { expect, it } from "vitest";
import { Connection } from "../amqp/connection.ts";
import { Decoder } from "../amqp/decode.ts";
import { Encoder } from "../amqp/encode.ts";
import { ATTACH, BEGIN, DETACH, DISPOSITION, FLOW, frame, OPEN, performative, TRANSFER } from "../amqp/performative.ts";
import { AMQP_HEADER } from "../amqp/sasl.ts";
import { Described, ubyte, uint } from "../amqp/values.ts";
import { createClock } from "../clock.ts";
import { framesOf, MemorySocket } from "../fuzz/memory-socket.test.fixture.ts";
import { Access } from "../shared-access/access.ts";
import { FaultPlan } from "./fault-plan.ts";
import { Hubs } from "./hubs.ts";
import { Namespace } from "./namespace.ts";

const HELLO = [
  AMQP_HEADER,
  frame(0, performative(OPEN, ["peer", "localhost"])),
  frame(0, performative(BEGIN, [null, uint(0), uint(100), uint(100)])),
];
const attach = (handle: number, address: string, receives = false) =>
  frame(
    0,
    performative(ATTACH, [
      `link-${handle}`,
      uint(handle),
      receives,
      ubyte(0),
      ubyte(0),
      performative(0x28, [receives ? address : "here"]),
      performative(0x29, [receives ? "here" : address]),
    ]),
  );
const detach = (handle: number) => frame(0, performative(DETACH, [uint(handle), true]));
const transfer = (handle: number, payload: Buffer) =>
  Buffer.concat([
    frame(0, performative(TRANSFER, [uint(handle), uint(0), Buffer.of(1), uint(0), false]), payload.length),
    payload,
  ]);

/** All that a peer hears that says this. */
const answersTo = (...frames: Buffer[]) => answersWith(new Access(), ...frames);

async function answersWith(access: Access, ...frames: Buffer[]): Promise<Buffer> {
  const hubs = new Hubs(createClock({ frozenAt: 0 }), undefined);
  hubs.create("orders", { partitionCount: 1 });
  const socket = new MemorySocket();
  const handler = new Namespace(hubs, new FaultPlan(), createClock(), access, () => undefined);
  new Connection(socket, Buffer.alloc(0), handler);
  socket.push(Buffer.concat([...HELLO, ...frames]));
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  socket.destroy();
  return Buffer.concat(socket.received);
}

/** Performatives of one kind, as their fields. */
async function hear(code: number, ...frames: Buffer[]): Promise<unknown[][]> {
  const heard = framesOf(await answersTo(...frames)).map((bytes) => new Decoder(bytes, 8).value() as Described);
  return heard.filter(({ descriptor }) => descriptor === code).map(({ value }) => value as unknown[]);
}

// fidelity event-hubs: `$cbs` once on a connection; refusals with every field
it("opens $cbs once for each role and connection, until it is closed", async () => {
  const both = [attach(0, "$cbs"), attach(1, "$cbs", true)];
  expect(await hear(DETACH, ...both)).toEqual([]);
  for (const [handle, receives] of [
    [2, false],
    [3, true],
  ] as const) {
    const [[refused, , error] = []] = await hear(DETACH, ...both, attach(handle, "$cbs", receives));
    expect([refused, (error as Described).value]).toEqual([handle, ["amqp:not-allowed", expect.any(String), null]]);
    const answers = await hear(ATTACH, ...both, attach(handle, "$cbs", receives));
    expect(answers.at(-1)!.slice(5, 7)).toEqual([null, null]);
  }
  expect(await hear(DETACH, ...both, detach(0), detach(1), attach(4, "$cbs"), attach(5, "$cbs", true))).toEqual([
    [0, true],
    [1, true],
  ]);
});

// Microsoft's Python client reads the fields of a refusal by number: one that is left out makes it wait for ever.
// fidelity event-hubs: `$cbs` once on a connection; refusals with every field
it("writes every field of a refusal out", async () => {
  const [answer] = await hear(DISPOSITION, attach(0, "orders"), transfer(0, Buffer.from("no message")));
  expect(answer).toHaveLength(6);
  const [error] = (answer![4] as Described).value as Described[];
  expect(error!.value).toEqual(["amqp:decode-error", expect.any(String), null]);
});

// fidelity event-hubs: codes for what is not there
it.each([
  ["a hub", "orders", "Accepted"],
  ["a partition", "ORDERS/Partitions/0", "Accepted"],
  ["the namespace", "", "Accepted"],
  ["a hub that is not there", "nothing/Partitions/0", "could not be found"],
])("takes or refuses a token for %s", async (_name, path, status) => {
  const token = new Encoder()
    .value(
      new Described(
        0x74,
        new Map(Object.entries({ operation: "put-token", type: "jwt", name: `sb://localhost/${path}` })),
      ),
    )
    .value(new Described(0x77, "a.b.c"))
    .finish();
  const credit = frame(0, performative(FLOW, [uint(0), uint(100), uint(0), uint(100), uint(1), uint(0), uint(10)]));
  const answers = await answersTo(attach(0, "$cbs"), attach(1, "$cbs", true), credit, transfer(0, token));
  expect(answers.toString("latin1")).toContain(status);
});

// fidelity event-hubs: `accessPolicies`: what the keys of the namespace and of a hub open
it("tells the properties of a hub only to who has a right to it", async () => {
  const read = new Encoder()
    .value(
      new Described(
        0x74,
        new Map(Object.entries({ operation: "READ", type: "com.microsoft:eventhub", name: "orders" })),
      ),
    )
    .finish();
  const credit = frame(0, performative(FLOW, [uint(0), uint(100), uint(0), uint(100), uint(1), uint(0), uint(10)]));
  const ask = [attach(0, "$management"), attach(1, "$management", true), credit, transfer(0, read)];
  expect((await answersTo(...ask)).toString("latin1")).toContain("partition_ids");
  const refused = (await answersWith(new Access(() => [], true), ...ask)).toString("latin1");
  expect(refused).toContain("amqp:unauthorized-access");
  expect(refused).not.toContain("partition_ids");
});
