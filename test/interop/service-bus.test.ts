import { ServiceBusClient, type ServiceBusReceivedMessage } from "@azure/service-bus";
import { type ServiceBusEmulator, startServiceBusEmulator } from "@waybill/emulators";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bytes, long, missing, run, time, uuid } from "./suite.ts";

type Described = Record<string, unknown> & {
  readonly locked_until: { $time: number };
  readonly sequence_number: number;
};

describe.skipIf(missing !== undefined)("Python's azure-servicebus", () => {
  let emulator: ServiceBusEmulator;
  let client: ServiceBusClient;
  const python = <T>(program: string, argument: object) =>
    run<T>(program, { connection_string: emulator.connectionString, ...argument });

  beforeAll(async () => {
    // Every token is checked: Python signs in its own way.
    emulator = await startServiceBusEmulator({ accessPolicies: [] });
    client = new ServiceBusClient(emulator.connectionString, { retryOptions: { maxRetries: 0, timeoutInMs: 10_000 } });
  });
  afterAll(async () => {
    await client?.close();
    await emulator?.close();
  });

  /** Receives and completes exactly so many. */
  async function take(queue: string, count: number): Promise<ServiceBusReceivedMessage[]> {
    const receiver = client.createReceiver(queue);
    const taken: ServiceBusReceivedMessage[] = [];
    while (taken.length < count) {
      const some = await receiver.receiveMessages(count - taken.length, { maxWaitTimeInMs: 5_000 });
      if (some.length === 0) throw new Error(`Only ${taken.length} of ${count} messages came.`);
      for (const message of some) await receiver.completeMessage(message);
      taken.push(...some);
    }
    await receiver.close();
    return taken;
  }

  it("sends, alone and in a batch, what the JS SDK reads", async () => {
    emulator.control.createQueue("from-python");
    const id = "01234567-89ab-cdef-0123-456789abcdef";
    const message = {
      body: bytes(Buffer.from([0, 1, 0x80, 255])),
      message_id: "m-1",
      subject: "s",
      content_type: "application/octet-stream",
      correlation_id: "c",
      reply_to: "r",
      to: "t",
      partition_key: "p",
      application_properties: {
        text: "ä",
        int: -5,
        long: long(2 ** 40),
        float: 1.5,
        yes: true,
        no: false,
        id: uuid(id),
        when: time(1_700_000_000_123),
      },
    };
    const entity = { queue_name: "from-python" };
    expect(await python("service_bus_send.py", { entity, batch: false, messages: [message] })).toEqual({ sent: 1 });
    const batch = [1, 2, 3].map((at) => ({ body: bytes(`{"at":${at}}`), message_id: `b-${at}` }));
    expect(await python("service_bus_send.py", { entity, batch: true, messages: batch })).toEqual({
      sent: 3,
      max_size: 262_144,
    });

    const [first, ...rest] = await take("from-python", 4);
    expect(first!.body).toEqual(Buffer.from([0, 1, 0x80, 255]));
    expect(first).toMatchObject({
      messageId: "m-1",
      subject: "s",
      contentType: "application/octet-stream",
      correlationId: "c",
      replyTo: "r",
      to: "t",
      partitionKey: "p",
      deliveryCount: 0,
    });
    expect(first!.applicationProperties).toEqual({
      text: "ä",
      int: -5,
      long: 2 ** 40,
      float: 1.5,
      // The JS SDK copies a property's bytes into an object by index. Python writes a boolean as AMQP's 0x56 and one octet,
      // which rhea in the JS SDK reads as a number.
      yes: 1,
      no: 0,
      id: { ...Buffer.from(id.replaceAll("-", ""), "hex") },
      when: 1_700_000_000_123,
    });
    expect(rest.map(({ messageId, body }) => [messageId, body])).toEqual([
      ["b-1", { at: 1 }],
      ["b-2", { at: 2 }],
      ["b-3", { at: 3 }],
    ]);
  });

  it("reads what the JS SDK sent, and settles it each way", async () => {
    emulator.control.createQueue("to-python");
    const before = Date.now();
    const common = { timeToLive: 60_000, subject: "s", contentType: "text/plain", correlationId: "c" };
    await client.createSender("to-python").sendMessages([
      {
        ...common,
        body: Buffer.from([0, 255]),
        messageId: "complete",
        applicationProperties: {
          text: "ä",
          int: 7,
          long: 2 ** 40,
          float: 1.5,
          yes: true,
          when: new Date(5),
          none: null,
        },
      },
      ...["abandon", "dead_letter", "defer"].map((messageId) => ({ ...common, body: Buffer.from("x"), messageId })),
    ]);
    const [first, ...rest] = await python<Described[]>("service_bus_receive.py", {
      entity: { queue_name: "to-python" },
      settle: [
        ["complete", {}],
        ["abandon", {}],
        ["dead_letter", { reason: "unfit", error_description: "Ünfit for use." }],
        ["defer", {}],
      ],
    });
    expect(first).toMatchObject({
      body: bytes(Buffer.from([0, 255])),
      message_id: "complete",
      subject: "s",
      content_type: "text/plain",
      correlation_id: "c",
      time_to_live: 60,
      sequence_number: 1,
      delivery_count: 0,
      application_properties: { text: "ä", int: 7, long: 2 ** 40, float: 1.5, yes: true, when: 5, none: null },
    });
    expect(first!.locked_until.$time).toBeGreaterThan(before + 50_000);
    expect(rest.map(({ message_id }) => message_id)).toEqual(["abandon", "dead_letter", "defer"]);

    expect(emulator.control.state("to-python").messages).toMatchObject([
      { messageId: "abandon", deliveryCount: 1 },
      { messageId: "defer", state: "deferred" },
    ]);
    const [dead] = await take("to-python/$DeadLetterQueue", 1);
    expect(dead).toMatchObject({
      messageId: "dead_letter",
      deadLetterReason: "unfit",
      deadLetterErrorDescription: "Ünfit for use.",
    });
    expect(await take("to-python", 1)).toMatchObject([{ messageId: "abandon", deliveryCount: 1 }]);
  });

  it("reads from a subscription's dead letters why the JS SDK put a message there", async () => {
    emulator.control.createTopic("topic");
    emulator.control.createSubscription("topic", "sub");
    const entity = { topic_name: "topic" };
    await python("service_bus_send.py", { entity, batch: false, messages: [{ body: bytes("x"), message_id: "m" }] });
    const receiver = client.createReceiver("topic", "sub");
    const [message] = await receiver.receiveMessages(1, { maxWaitTimeInMs: 5_000 });
    await receiver.deadLetterMessage(message!, {
      deadLetterReason: "unfit",
      deadLetterErrorDescription: "Unfit.",
      tried: 3,
    });
    const read = await python<Described[]>("service_bus_receive.py", {
      entity: { ...entity, subscription_name: "sub", sub_queue: "deadletter" },
      settle: [["complete", {}]],
    });
    expect(read).toMatchObject([
      {
        message_id: "m",
        dead_letter_reason: "unfit",
        dead_letter_error_description: "Unfit.",
        application_properties: { tried: 3 },
      },
    ]);
  });

  it("peeks, renews, defers, schedules and cancels over the management link", async () => {
    emulator.control.createQueue("managed");
    await client.createSender("managed").sendMessages([
      { body: Buffer.from("one"), messageId: "1" },
      { body: Buffer.from("two"), messageId: "2" },
    ]);
    const scheduledAt = Date.now() + 3_600_000;
    const told = await python<{
      peeked: Described[];
      deferred: Described;
      locked_until: { $time: number };
      renewed_until: { $time: number };
      scheduled: number[];
    }>("service_bus_manage.py", { queue_name: "managed", scheduled_at: time(scheduledAt) });
    expect(told.peeked).toMatchObject([
      { body: bytes("one"), message_id: "1" },
      { body: bytes("two"), message_id: "2" },
    ]);
    expect(told.renewed_until.$time).toBeGreaterThan(told.locked_until.$time);
    expect(told.deferred).toMatchObject({ body: bytes("one"), message_id: "1" });
    const left = await client.createReceiver("managed").peekMessages(10);
    expect(left.map(({ sequenceNumber, state }) => [sequenceNumber?.toNumber(), state])).toEqual([
      [2, "active"],
      [told.scheduled[0], "scheduled"],
    ]);
    expect(left[1]?.scheduledEnqueueTimeUtc?.getTime()).toBe(scheduledAt);
  });

  it("shares sessions, their order and their state with the JS SDK", async () => {
    emulator.control.createQueue("sessions", { requiresSession: true });
    const session = (session_id: string | null, count: number, state: object) =>
      python<Described & { messages: Described[]; renewed_until: { $time: number } }>("service_bus_session.py", {
        queue_name: "sessions",
        session_id,
        count,
        state,
      });
    const entity = { queue_name: "sessions" };
    const messages = ["a1", "b1", "a2", "a3"].map((body) => ({ body: bytes(body), session_id: body[0] }));
    await python("service_bus_send.py", { entity, batch: false, messages });

    const a = await client.acceptSession("sessions", "a");
    expect(await session("a", 1, bytes("x"))).toMatchObject({ error: "SessionCannotBeLockedError" });
    const [a1] = await a.receiveMessages(1, { maxWaitTimeInMs: 5_000 });
    expect(a1).toMatchObject({ body: Buffer.from("a1"), sessionId: "a" });
    await a.completeMessage(a1!);
    await a.setSessionState(Buffer.from("from JS"));

    const next = await session(null, 1, bytes("b's"));
    expect(next).toMatchObject({ session_id: "b", state: null, messages: [{ body: bytes("b1"), session_id: "b" }] });

    await a.close();
    const again = await session("a", 2, bytes("from Python"));
    expect(again.state).toEqual(bytes("from JS"));
    expect(again.messages.map(({ body }) => body)).toEqual([bytes("a2"), bytes("a3")]);
    expect(again.renewed_until.$time).toBeGreaterThan(again.locked_until.$time);
    const after = await client.acceptSession("sessions", "a");
    expect(await after.getSessionState()).toEqual(Buffer.from("from Python"));
    expect(emulator.control.state("sessions").messages).toEqual([]);
  });

  // The service gives no token for it, which is all that this SDK tells.
  it("hears of an entity that is not there", async () => {
    const entity = { queue_name: "nothing" };
    const messages = [{ body: bytes("x") }];
    expect(await python("service_bus_send.py", { entity, batch: false, messages })).toMatchObject({
      error: "ServiceBusAuthenticationError",
    });
    expect(await python("service_bus_receive.py", { entity, settle: [["complete", {}]] })).toMatchObject({
      error: "ServiceBusAuthenticationError",
    });
  });
});
