import { once } from "node:events";
import { type AddressInfo, createServer, connect as dial, type Socket } from "node:net";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { bodies, connect, one, open, startServiceBusEmulator, take } from "./emulator-service-bus.fixture.ts";

describe("control", () => {
  // fidelity service-bus: faults on demand, in process and over HTTP
  it("cuts connections, and a streaming receiver comes back", async () => {
    const { client, control } = await open();
    control.createQueue("q");
    const receiver = client.createReceiver("q");
    const seen: unknown[] = [];
    receiver.subscribe(
      { processMessage: async ({ body }) => void seen.push(body), processError: async () => undefined },
      { autoCompleteMessages: true },
    );
    await client.createSender("q").sendMessages({ body: 1 });
    await expect.poll(() => seen).toEqual([1]);
    expect(control.cutConnections()).toBe(1);
    expect(control.state("q").receivers).toBe(0);
    await expect.poll(() => control.state("q").receivers, { timeout: 20_000 }).toBe(1);
    await client.createSender("q").sendMessages({ body: 2 });
    await expect.poll(() => seen).toEqual([1, 2]);
  });

  // fidelity service-bus: faults on demand, in process and over HTTP
  it("throttles with the service's condition", async () => {
    const { client, control } = await open();
    control.createQueue("q");
    const sender = client.createSender("q");
    control.throttle(true);
    await expect(sender.sendMessages({ body: 1 })).rejects.toMatchObject({ code: "ServiceBusy" });
    await expect(client.createReceiver("q").peekMessages(1)).rejects.toMatchObject({ code: "ServiceBusy" });
    control.throttle(false);
    await sender.sendMessages({ body: 1 });
  });

  // fidelity service-bus: faults on demand, in process and over HTTP
  it("detaches with any condition", async () => {
    const { client, control } = await open();
    control.createQueue("q");
    const errors: unknown[] = [];
    client.createReceiver("q").subscribe({
      processMessage: async () => undefined,
      processError: async ({ error }) => void errors.push(error),
    });
    await expect.poll(() => control.state("q").receivers).toBe(1);
    expect(control.detachLinks("com.microsoft:entity-disabled", "Somebody disabled it.", "q")).toBe(1);
    await expect.poll(() => errors).toMatchObject([{ code: "MessagingEntityDisabled" }]);
  });

  // fidelity service-bus: faults on demand, in process and over HTTP
  it("stops answering: a send times out, and goes on after", async () => {
    const emulator = await open();
    emulator.control.createQueue("q");
    const client = connect(emulator, 300);
    const sender = client.createSender("q");
    await sender.sendMessages({ body: 1 });
    emulator.control.stopAnswering(true);
    await expect(sender.sendMessages({ body: 2 })).rejects.toMatchObject({ code: "ServiceTimeout" });
    emulator.control.stopAnswering(false);
    await expect.poll(() => emulator.control.connectionCount).toBe(0);
    await client.createSender("q").sendMessages({ body: 3 });
    await client.close();
  });

  // fidelity service-bus partial: tokens — a key whose name is not known here is let in, unless `accessPolicies` are given; links outlive their token
  it("refuses tokens as it is told", async () => {
    const { client, control } = await open({
      checkToken: ({ audience }) =>
        audience.endsWith("/secret") ? { status: 401, description: "Unauthorized access." } : undefined,
    });
    control.createQueue("secret");
    control.createQueue("open");
    await client.createSender("open").sendMessages({ body: 1 });
    await expect(client.createSender("secret").sendMessages({ body: 1 })).rejects.toMatchObject({
      code: "UnauthorizedAccess",
    });
  });

  it("closes twice, and frees its port", async () => {
    const first = await startServiceBusEmulator();
    await Promise.all([first.close(), first.close()]);
    const second = await startServiceBusEmulator({ port: first.port });
    await expect(startServiceBusEmulator({ port: first.port })).rejects.toMatchObject({ code: "EADDRINUSE" });
    await second.close();
  });
});

const SASL = Buffer.from([0x41, 0x4d, 0x51, 0x50, 3, 1, 0, 0]);
const AMQP = Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 1, 0, 0]);
const frame = (channel: number, body: readonly number[]) =>
  Buffer.from([0, 0, 0, 8 + body.length, 2, 0, 0, channel, ...body]);
const OPEN = frame(0, [0x00, 0x53, 0x10, 0xc0, 4, 1, 0xa1, 1, 0x78]);
const BEGIN = frame(0, [0x00, 0x53, 0x11, 0xc0, 7, 4, 0x40, 0x43, 0x52, 0x64, 0x52, 0x64]);

/** Everything that comes until the other side ends. */
async function exchange(port: number, bytes: Buffer): Promise<Buffer> {
  const socket = dial(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => undefined);
  socket.write(bytes);
  await once(socket, "close");
  return Buffer.concat(chunks);
}

describe("hostile peers", () => {
  it.each([
    ["a wrong protocol", Buffer.from("AMQP\u0001\u0001\u0000\u000a"), "AMQP\u0003"],
    ["a wrong SASL mechanism", Buffer.concat([SASL, saslInit("NOPE")]), "ANONYMOUS"],
    [
      "a frame larger than allowed",
      Buffer.concat([AMQP, OPEN, Buffer.from([0x7f, 0xff, 0xff, 0xff])]),
      "amqp:connection:framing-error",
    ],
    [
      "a frame smaller than its head",
      Buffer.concat([AMQP, OPEN, Buffer.from([0, 0, 0, 4])]),
      "amqp:connection:framing-error",
    ],
    [
      "an unknown type code",
      Buffer.concat([AMQP, OPEN, frame(0, [0x00, 0x53, 0x11, 0xc0, 3, 1, 0x3f, 0])]),
      "amqp:decode-error",
    ],
    [
      "a list of four billion",
      Buffer.concat([AMQP, OPEN, frame(0, [0x00, 0x53, 0x11, 0xd0, 0, 0, 0, 4, 255, 255, 255, 255])]),
      "amqp:decode-error",
    ],
    [
      "an array of four billion nothings",
      Buffer.concat([
        AMQP,
        OPEN,
        frame(0, [0x00, 0x53, 0x11, 0xc0, 13, 1, 0xf0, 0, 0, 0, 5, 255, 255, 255, 255, 0x40, 0, 0]),
      ]),
      "amqp:decode-error",
    ],
    [
      "nesting without end",
      Buffer.concat([AMQP, OPEN, frame(0, [0x00, 0x53, 0x11, ...Array(100).fill(0)])]),
      "amqp:decode-error",
    ],
    [
      "a transfer without a session",
      Buffer.concat([AMQP, OPEN, frame(3, [0x00, 0x53, 0x14, 0x45])]),
      "amqp:connection:framing-error",
    ],
    ["a session opened twice", Buffer.concat([AMQP, OPEN, BEGIN, BEGIN]), "amqp:connection:framing-error"],
  ])("%s is refused by name, and the server goes on", async (_name, bytes, answer) => {
    const { client, control, port } = await open();
    control.createQueue("q");
    expect((await exchange(port, bytes)).toString("latin1")).toContain(answer);
    await client.createSender("q").sendMessages({ body: 1 });
  });

  it("ends a session whose peer uses a link that is not there", async () => {
    const { port } = await open();
    const socket = dial(port, "127.0.0.1");
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.write(Buffer.concat([AMQP, OPEN, BEGIN, frame(0, [0x00, 0x53, 0x14, 0xc0, 3, 1, 0x52, 9])]));
    await expect.poll(() => Buffer.concat(chunks).toString("latin1")).toContain("amqp:session:unattached-handle");
    socket.destroy();
  });

  it("drops a peer that does not finish its handshake, or falls silent", async () => {
    const { port } = await open({ handshakeMs: 50, idleTimeoutMs: 40 });
    await exchange(port, SASL);
    await exchange(port, Buffer.concat([AMQP, OPEN]));
  });

  it("survives any bytes, before and after the handshake", async () => {
    const { client, control, port } = await open();
    control.createQueue("q");
    const starts = [Buffer.alloc(0), SASL, Buffer.concat([AMQP, OPEN]), Buffer.concat([AMQP, OPEN, BEGIN])];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...starts),
        fc.array(
          fc.oneof(
            fc.uint8Array({ maxLength: 60 }),
            fc
              .constantFrom(0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16)
              .chain((code) => fc.uint8Array({ maxLength: 40 }).map((rest) => frame(0, [0x00, 0x53, code, ...rest]))),
          ),
          { maxLength: 4 },
        ),
        async (start, parts) => {
          const socket = dial(port, "127.0.0.1");
          socket.on("error", () => undefined);
          socket.resume();
          socket.end(Buffer.concat([start, ...parts]));
          await once(socket, "close");
        },
      ),
      { numRuns: 600 },
    );
    await client.createSender("q").sendMessages({ body: 1 });
    await expect.poll(() => control.connectionCount).toBe(1);
  });

  it("notices a peer that goes without a word: its credit goes with it, its locks stay", async () => {
    const emulator = await open();
    const { control, client } = emulator;
    control.createQueue("q");
    await client.createSender("q").sendMessages({ body: 1 });
    const inner: Socket[] = [];
    const outers: Socket[] = [];
    const relay = createServer((outer) => {
      const socket = dial(emulator.port, "127.0.0.1");
      inner.push(socket);
      outers.push(outer);
      for (const one of [outer, socket]) one.on("error", () => undefined);
      outer.pipe(socket).pipe(outer);
    });
    await once(relay.listen(0, "127.0.0.1"), "listening");
    const { port } = relay.address() as AddressInfo;
    const through = emulator.connectionString.replace(`:${emulator.port}`, `:${port}`);
    const other = connect({ ...emulator, connectionString: through });
    await one(other.createReceiver("q"));
    expect(control.state("q").receivers).toBe(1);
    relay.close();
    for (const socket of inner) socket.destroy();
    await expect.poll(() => control.state("q").receivers).toBe(0);
    expect(control.state("q").messages).toMatchObject([{ state: "locked" }]);
    for (const socket of outers) socket.destroy();
    // Not awaited: there is nobody who would answer its close.
    void other.close().catch(() => undefined);
  });

  // fidelity service-bus: hostile peers
  it("holds 500 connections beside a working one", async () => {
    const { client, control, port } = await open();
    control.createQueue("q");
    const sockets = await Promise.all(
      Array.from({ length: 500 }, async () => {
        const socket: Socket = dial(port, "127.0.0.1");
        socket.write(Buffer.concat([AMQP, OPEN, BEGIN]));
        await once(socket, "data");
        return socket;
      }),
    );
    expect(control.connectionCount).toBe(500);
    await client.createSender("q").sendMessages([{ body: 1 }, { body: 2 }]);
    expect(bodies(await take(client.createReceiver("q"), 2))).toEqual([1, 2]);
    for (const socket of sockets) socket.destroy();
    await expect.poll(() => control.connectionCount).toBe(1);
  });

  // fidelity service-bus: what a vanished receiver held comes to another
  it("gives what a vanished receiver was sent to another, when its lock is over", async () => {
    const emulator = await open();
    const { client, control } = emulator;
    control.createQueue("q");
    await client.createSender("q").sendMessages({ body: 1 });
    const other = connect(emulator);
    await one(other.createReceiver("q"));
    control.cutConnections();
    await expect.poll(() => control.connectionCount).toBe(0);
    await other.close();
    expect(control.state("q").messages).toMatchObject([{ state: "locked" }]);
    control.advanceClock(60_001);
    const third = connect(emulator);
    onTestFinished(() => third.close());
    expect(await one(third.createReceiver("q"))).toMatchObject({ body: 1, deliveryCount: 1 });
  });
});

function saslInit(mechanism: string): Buffer {
  const name = Buffer.from(mechanism, "latin1");
  const body = [0x00, 0x53, 0x41, 0xc0, 3 + name.length, 1, 0xa3, name.length, ...name];
  return Buffer.from([0, 0, 0, 8 + body.length, 2, 1, 0, 0, ...body]);
}
