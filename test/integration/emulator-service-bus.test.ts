import diagnostics from "node:diagnostics_channel";
import { once } from "node:events";
import type { Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { bodies, createClock, one, open, take } from "./emulator-service-bus.fixture.ts";

describe("send", () => {
  // fidelity service-bus: send, one and in batches
  it("keeps body, properties and types, one by one and in a batch", async () => {
    const { client, control } = await open();
    control.createQueue("q");
    const sender = client.createSender("q");
    const date = new Date(1_700_000_000_000);
    await sender.sendMessages({
      body: Buffer.from([0, 1, 255]),
      messageId: "m-1",
      contentType: "application/octet-stream",
      subject: "s",
      correlationId: "c",
      replyTo: "r",
      to: "t",
      replyToSessionId: "rs",
      partitionKey: "p",
      timeToLive: 60_000,
      applicationProperties: {
        n: 1,
        negative: -5,
        float: 1.5,
        big: 2 ** 40,
        text: "ä",
        yes: true,
        no: false,
        date,
        none: null,
      },
    });
    const batch = await sender.createMessageBatch();
    expect(batch.maxSizeInBytes).toBe(262_144);
    for (let at = 0; at < 3; at += 1) expect(batch.tryAddMessage({ body: { at }, messageId: `b-${at}` })).toBe(true);
    await sender.sendMessages(batch);

    const receiver = client.createReceiver("q", { skipParsingBodyAsJson: false });
    const [first, ...rest] = await take(receiver, 4);
    expect(Buffer.from(first!.body as Uint8Array)).toEqual(Buffer.from([0, 1, 255]));
    expect(first).toMatchObject({
      messageId: "m-1",
      contentType: "application/octet-stream",
      subject: "s",
      correlationId: "c",
      replyTo: "r",
      to: "t",
      replyToSessionId: "rs",
      partitionKey: "p",
      timeToLive: 60_000,
      deliveryCount: 0,
      state: "active",
    });
    expect(first!.applicationProperties).toEqual({
      n: 1,
      negative: -5,
      float: 1.5,
      big: 2 ** 40,
      text: "ä",
      yes: true,
      no: false,
      date: date.getTime(),
      none: null,
    });
    expect(first!.sequenceNumber?.toNumber()).toBe(1);
    expect(first!.lockedUntilUtc!.getTime() - Date.now()).toBeGreaterThan(50_000);
    expect(first!.expiresAtUtc!.getTime()).toBe(first!.enqueuedTimeUtc!.getTime() + 60_000);
    expect(rest.map(({ messageId, body }) => [messageId, body])).toEqual([
      ["b-0", { at: 0 }],
      ["b-1", { at: 1 }],
      ["b-2", { at: 2 }],
    ]);
    for (const message of [first!, ...rest]) await receiver.completeMessage(message);
    expect(control.state("q").messages).toEqual([]);
  });

  // fidelity service-bus: annotations: the sender's kept, the service's beside them
  it("adds its own annotations to the sender's, and no more than it has to say", async () => {
    const { client, control } = await open();
    control.createQueue("q");
    const message = {
      bodyType: "data" as const,
      body: "x",
      deliveryAnnotations: { "x-opt-of-the-way": "w" } as object,
      messageAnnotations: { "x-opt-own": "o" } as object,
      footer: { "x-opt-foot": "f" },
      header: { durable: true, priority: 7, timeToLive: 90_000, firstAcquirer: false },
    };
    await client.createSender("q").sendMessages(message);
    const { _rawAmqpMessage: raw } = await one(client.createReceiver("q"));
    expect(Object.keys(raw.deliveryAnnotations!).sort()).toEqual(["x-opt-lock-token", "x-opt-of-the-way"]);
    expect(Object.keys(raw.messageAnnotations!).sort()).toEqual([
      "x-opt-enqueued-time",
      "x-opt-locked-until",
      "x-opt-own",
      "x-opt-sequence-number",
    ]);
    expect(raw.footer).toMatchObject({ "x-opt-foot": "f" });
    expect(raw.header).toEqual({ ...message.header, deliveryCount: 0 });
  });

  // fidelity service-bus: an id for a message that has none
  it("gives an id to a message that has none", async () => {
    const { client, control } = await open();
    control.createQueue("q");
    await client.createSender("q").sendMessages({ body: "x", subject: "kept" });
    const message = await one(client.createReceiver("q"));
    expect(message.messageId).toMatch(/^[0-9a-f]{32}$/);
    expect(message.subject).toBe("kept");
  });

  // fidelity service-bus: messages of several frames; size limits
  it("sends more than a frame holds, and refuses more than the link takes", async () => {
    const { client, control } = await open();
    control.createQueue("q");
    const sender = client.createSender("q");
    const body = Buffer.alloc(200_000, 7);
    await sender.sendMessages({ body });
    const receiver = client.createReceiver("q", { receiveMode: "receiveAndDelete" });
    expect(Buffer.compare((await one(receiver)).body as Buffer, body)).toBe(0);
    await expect(sender.sendMessages({ body: Buffer.alloc(262_144) })).rejects.toMatchObject({
      code: "MessageSizeExceeded",
    });
    await sender.sendMessages({ body: "still open" });
  });

  // fidelity service-bus: limits of properties: 32 KB each, 64 KB in all, no bytes
  it("refuses properties of more than 32 KB, of bytes, and more than 64 KB of them, in the service's words", async () => {
    const { client, control } = await open();
    control.createQueue("q");
    const sender = client.createSender("q");
    const send = (applicationProperties: object) =>
      sender.sendMessages({ body: "x", applicationProperties: applicationProperties as Record<string, string> });
    await send({ one: "o".repeat(32_767), other: "ü".repeat(16_000) });
    for (const large of ["o".repeat(32_768), "ü".repeat(16_384)])
      await expect(send({ large })).rejects.toMatchObject({ message: /InternalServerError.*retry the operation/ });
    const many = { a: "a".repeat(30_000), b: "b".repeat(30_000), c: "c".repeat(6_000) };
    await expect(send(many)).rejects.toMatchObject({ code: "MessageSizeExceeded", message: /size quota.*65536/ });
    const bytes = { raw: Buffer.from("text") };
    await expect(send(bytes)).rejects.toMatchObject({ code: "MessageSizeExceeded", message: /System\.Byte\[\]/ });
    const later = new Date(Date.now() + 60_000);
    await expect(
      sender.scheduleMessages({ body: "x", applicationProperties: { a: "a".repeat(40_000) } }, later),
    ).rejects.toThrow(/retry the operation/);
    expect(control.state("q").messages).toHaveLength(1);
  });

  // fidelity service-bus: quota, disabled entities
  it("refuses what the entity does not take, with the service's codes", async () => {
    const { client, control } = await open();
    control.createQueue("sessions", { requiresSession: true });
    control.createQueue("disabled", { status: "SendDisabled" });
    control.createQueue("small", { maxSizeInMegabytes: 1 });
    await expect(client.createSender("sessions").sendMessages({ body: 1 })).rejects.toMatchObject({
      code: "GeneralError",
      message: expect.stringMatching(/session id/),
    });
    await expect(client.createSender("disabled").sendMessages({ body: 1 })).rejects.toMatchObject({
      code: "MessagingEntityDisabled",
    });
    await expect(client.createSender("nowhere").sendMessages({ body: 1 })).rejects.toMatchObject({
      code: "MessagingEntityNotFound",
    });
    control.createQueue("late");
    const late = client.createSender("late");
    await late.sendMessages({ body: 1 });
    control.update("late", { status: "SendDisabled" });
    await expect(late.sendMessages({ body: 2 })).rejects.toMatchObject({ code: "MessagingEntityDisabled" });
    const small = client.createSender("small");
    for (let at = 0; at < 5; at += 1) await small.sendMessages({ body: Buffer.alloc(200_000) });
    await expect(small.sendMessages({ body: Buffer.alloc(200_000) })).rejects.toMatchObject({ code: "QuotaExceeded" });
    await expect(
      client.createSender("sessions").sendMessages([{ body: 1, sessionId: "s" }, { body: 2 }]),
    ).rejects.toThrow();
    expect(control.state("sessions").messages).toEqual([]);
  });

  // fidelity service-bus: duplicate detection within its window
  it("drops what it has seen within the window", async () => {
    const clock = createClock({ frozenAt: Date.now() });
    const { client, control } = await open({ clock });
    control.createQueue("q", { requiresDuplicateDetection: true, duplicateDetectionHistoryTimeWindowMs: 20_000 });
    const sender = client.createSender("q");
    await sender.sendMessages([
      { body: 1, messageId: "a" },
      { body: 2, messageId: "a" },
      { body: 3, messageId: "b" },
    ]);
    clock.advance(19_000);
    await sender.sendMessages({ body: 4, messageId: "a" });
    expect(control.state("q").messages.map(({ messageId }) => messageId)).toEqual(["a", "b"]);
    clock.advance(1_000);
    await sender.sendMessages({ body: 5, messageId: "a" });
    expect(control.state("q").messages.map(({ messageId }) => messageId)).toEqual(["a", "b", "a"]);
  });
});

describe("settlement", () => {
  // fidelity service-bus: complete, abandon, dead-letter, with changed properties
  // fidelity service-bus: maximum delivery count; system reasons of dead letters
  it("abandons with changed properties, and dead-letters after the last delivery", async () => {
    const { client, control } = await open();
    control.createQueue("q", { maxDeliveryCount: 2 });
    await client.createSender("q").sendMessages({ body: 1, applicationProperties: { keep: "k", change: "old" } });
    const receiver = client.createReceiver("q");
    await receiver.abandonMessage(await one(receiver), { change: "new", added: 3 });
    const again = await one(receiver);
    expect(again.deliveryCount).toBe(1);
    expect(again.applicationProperties).toEqual({ keep: "k", change: "new", added: 3 });
    await receiver.abandonMessage(again);
    const dead = await one(client.createReceiver("q", { subQueueType: "deadLetter" }));
    expect(dead.deadLetterReason).toBe("MaxDeliveryCountExceeded");
    expect(dead.deadLetterErrorDescription).toBe("Message could not be consumed after 2 delivery attempts.");
    expect(control.state("q").messages).toEqual([]);
  });

  // fidelity service-bus: complete, abandon, dead-letter, with changed properties
  // fidelity service-bus: dead-letter queue
  it("dead-letters with reason and properties; a dead letter stays until it is completed", async () => {
    const { client, control } = await open();
    control.createQueue("q", { maxDeliveryCount: 1 });
    await client.createSender("q").sendMessages({ body: 1, messageId: "m", applicationProperties: { own: 1 } });
    const receiver = client.createReceiver("q");
    await receiver.deadLetterMessage(await one(receiver), {
      deadLetterReason: "bad",
      deadLetterErrorDescription: "why",
      extra: "x",
    });
    const dead = client.createReceiver("q", { subQueueType: "deadLetter" });
    for (let round = 0; round < 3; round += 1) {
      const message = await one(dead);
      expect(message).toMatchObject({
        messageId: "m",
        deadLetterReason: "bad",
        deadLetterErrorDescription: "why",
        deliveryCount: 0,
      });
      expect(message.applicationProperties).toMatchObject({ own: 1, extra: "x" });
      await dead.abandonMessage(message);
    }
    const last = await one(dead);
    await expect(dead.deadLetterMessage(last)).rejects.toThrow(/dead-letter queue/);
    control.expireLocks("q/$DeadLetterQueue");
    await dead.completeMessage(await one(dead));
    expect(control.state("q/$DeadLetterQueue").messages).toEqual([]);
  });

  // fidelity service-bus: dead-letter queue
  it("keeps the delivery count of a dead letter, which grows no more", async () => {
    const { client, control } = await open();
    control.createQueue("q");
    await client.createSender("q").sendMessages({ body: 1 });
    const receiver = client.createReceiver("q");
    await receiver.abandonMessage(await one(receiver));
    await receiver.deadLetterMessage(await one(receiver));
    const dead = client.createReceiver("q", { subQueueType: "deadLetter" });
    const first = await one(dead);
    expect(first).toMatchObject({ deliveryCount: 1, enqueuedSequenceNumber: 1 });
    await dead.abandonMessage(first);
    expect(await one(dead)).toMatchObject({ deliveryCount: 1 });
  });

  // fidelity service-bus: several outcomes at once kept apart
  it("keeps each outcome of a tick apart", async () => {
    const { client, control } = await open();
    control.createQueue("q");
    await client.createSender("q").sendMessages([{ body: 0 }, { body: 1 }, { body: 2 }]);
    const receiver = client.createReceiver("q");
    const messages = await take(receiver, 3);
    // One at a time: the client's own codec mixes outcomes of one tick.
    await receiver.abandonMessage(messages[0]!);
    await receiver.completeMessage(messages[1]!);
    await receiver.deferMessage(messages[2]!);
    expect(control.state("q").messages.map(({ sequenceNumber, state }) => [sequenceNumber, state])).toEqual([
      [1, "active"],
      [3, "deferred"],
    ]);
  });

  // fidelity service-bus: defer; receive deferred messages by number
  it("defers, and gives the message back by its number only", async () => {
    const { client, control } = await open();
    control.createQueue("q");
    await client.createSender("q").sendMessages([{ body: "d" }, { body: "e" }]);
    const receiver = client.createReceiver("q");
    const [first, second] = await take(receiver, 2);
    await receiver.deferMessage(first!, { note: "later" });
    await receiver.deferMessage(second!);
    const [deferred] = await receiver.receiveDeferredMessages(first!.sequenceNumber!);
    expect(deferred).toMatchObject({
      body: "d",
      state: "deferred",
      deliveryCount: 1,
      applicationProperties: { note: "later" },
    });
    await expect(receiver.receiveDeferredMessages(first!.sequenceNumber!)).rejects.toMatchObject({
      code: "MessageNotFound",
    });
    await receiver.renewMessageLock(deferred!);
    await receiver.abandonMessage(deferred!);
    const [back] = await receiver.receiveDeferredMessages(first!.sequenceNumber!);
    await receiver.deadLetterMessage(back!, { deadLetterReason: "done", deadLetterErrorDescription: "d" });
    const deleting = client.createReceiver("q", { receiveMode: "receiveAndDelete" });
    expect(bodies(await deleting.receiveDeferredMessages([second!.sequenceNumber!]))).toEqual(["e"]);
    expect(control.state("q").messages).toEqual([]);
    expect(control.state("q/$DeadLetterQueue").messages).toHaveLength(1);
  });

  // fidelity service-bus: lock expiry and renewal
  it("loses a lock when its time is over, and not before", async () => {
    const clock = createClock({ frozenAt: Date.now() });
    const { client, control } = await open({ clock });
    control.createQueue("q", { lockDurationMs: 10_000 });
    await client.createSender("q").sendMessages({ body: 1 });
    const receiver = client.createReceiver("q");
    const message = await one(receiver);
    clock.advance(9_000);
    expect((await receiver.renewMessageLock(message)).getTime()).toBe(clock.now() + 10_000);
    clock.advance(9_999);
    expect(control.state("q").messages[0]).toMatchObject({ state: "locked", deliveryCount: 0 });
    clock.advance(1);
    expect(control.state("q").messages[0]).toMatchObject({ state: "active", deliveryCount: 1 });
    await expect(receiver.completeMessage(message)).rejects.toMatchObject({ code: "MessageLockLost" });
    await expect(receiver.renewMessageLock(message)).rejects.toMatchObject({ code: "MessageLockLost" });
    await one(receiver);
    clock.advance(10_000);
    expect(control.state("q").messages[0]).toMatchObject({ state: "active", deliveryCount: 2 });
    await receiver.completeMessage(await one(receiver));
  });

  // fidelity service-bus: settling through the management link after the receiver is gone
  it("keeps the locks of a receiver whose link is gone, who settles over management", async () => {
    const sockets: Socket[] = [];
    const remember = (message: unknown) => void sockets.push((message as { socket: Socket }).socket);
    diagnostics.subscribe("net.client.socket", remember);
    onTestFinished(() => void diagnostics.unsubscribe("net.client.socket", remember));
    const { client, control } = await open();
    control.createQueue("q");
    await client.createSender("q").sendMessages([{ body: 1 }, { body: 2 }, { body: 3 }, { body: 4 }]);
    const receiver = client.createReceiver("q");
    const [completed, deferred, dead, lost] = await take(receiver, 4);
    const noticed = Promise.all(sockets.filter(({ destroyed }) => !destroyed).map((socket) => once(socket, "close")));
    expect(control.cutConnections()).toBe(1);
    await noticed;
    expect(control.state("q").receivers).toBe(0);
    expect(control.state("q").messages.map(({ state }) => state)).toEqual(Array(4).fill("locked"));
    await receiver.completeMessage(completed!);
    await receiver.deferMessage(deferred!, { x: 1 });
    await receiver.deadLetterMessage(dead!, { deadLetterReason: "r", deadLetterErrorDescription: "d" });
    expect(control.expireLocks("q", lost!.lockToken!)).toBe(1);
    await expect(receiver.abandonMessage(lost!)).rejects.toMatchObject({ code: "MessageLockLost" });
    expect(control.state("q").messages.map(({ sequenceNumber, state }) => [sequenceNumber, state])).toEqual([
      [2, "deferred"],
      [4, "active"],
    ]);
    expect(control.state("q/$DeadLetterQueue").messages).toHaveLength(1);
  });
});

describe("receive", () => {
  // fidelity service-bus: receive-and-delete
  it("deletes on receipt in that mode", async () => {
    const { client, control } = await open();
    control.createQueue("q");
    await client.createSender("q").sendMessages([{ body: 1 }, { body: 2 }]);
    const receiver = client.createReceiver("q", { receiveMode: "receiveAndDelete" });
    expect(bodies(await take(receiver, 2))).toEqual([1, 2]);
    expect(control.state("q").messages).toEqual([]);
  });

  // fidelity service-bus: peek-lock with streaming; drain
  it("streams, and stops without losing what is in flight", async () => {
    const { client, control } = await open();
    control.createQueue("q");
    const sender = client.createSender("q");
    await sender.sendMessages(Array.from({ length: 50 }, (_, at) => ({ body: at })));
    const receiver = client.createReceiver("q");
    const seen = new Set<unknown>();
    await new Promise<void>((resolve, reject) => {
      receiver.subscribe(
        {
          processMessage: async ({ body }) => {
            seen.add(body);
            if (seen.size === 50) resolve();
          },
          processError: async ({ error }) => reject(error),
        },
        { maxConcurrentCalls: 8 },
      );
    });
    const started = Date.now();
    await receiver.close();
    expect(Date.now() - started).toBeLessThan(1_000);
    await expect.poll(() => control.state("q").messages.filter(({ state }) => state === "active")).toEqual([]);
  });

  // fidelity service-bus: peek-lock with streaming; drain
  it("answers a drain, so that the receiver keeps its link", async () => {
    const { client, control } = await open();
    control.createQueue("q");
    const sender = client.createSender("q");
    const receiver = client.createReceiver("q");
    for (let round = 0; round < 2; round += 1) {
      await sender.sendMessages({ body: round });
      expect(bodies(await receiver.receiveMessages(5, { maxWaitTimeInMs: 300 }))).toEqual([round]);
      expect(await receiver.receiveMessages(5, { maxWaitTimeInMs: 50 })).toEqual([]);
      expect(control.state("q").receivers).toBe(1);
    }
    await sender.sendMessages({ body: "undelivered" });
    expect(control.state("q").messages.at(-1)).toMatchObject({ state: "active" });
  });

  // fidelity service-bus: peek
  it("peeks without locking, from a number on", async () => {
    const { client, control } = await open();
    control.createQueue("q");
    await client.createSender("q").sendMessages(Array.from({ length: 5 }, (_, at) => ({ body: at })));
    const receiver = client.createReceiver("q");
    const first = await receiver.peekMessages(2);
    expect(bodies(first)).toEqual([0, 1]);
    expect(bodies(await receiver.peekMessages(2))).toEqual([2, 3]);
    const number = first[0]!.sequenceNumber!;
    expect(bodies(await receiver.peekMessages(9, { fromSequenceNumber: number.add(3) }))).toEqual([3, 4]);
    expect(await receiver.peekMessages(1, { fromSequenceNumber: number.add(99) })).toEqual([]);
    expect(control.state("q").messages.every(({ state }) => state === "active")).toBe(true);
  });

  // fidelity service-bus: time to live and expiry
  it("expires messages: dropped, or dead-lettered with the reason", async () => {
    const clock = createClock({ frozenAt: Date.now() });
    const { client, control } = await open({ clock });
    control.createQueue("drops", { defaultMessageTimeToLiveMs: 5_000 });
    control.createQueue("keeps", { deadLetteringOnMessageExpiration: true });
    await client.createSender("drops").sendMessages({ body: 1, timeToLive: 60_000 });
    await client.createSender("keeps").sendMessages([{ body: 1, timeToLive: 5_000 }, { body: 2 }]);
    clock.advance(4_999);
    expect(control.state("drops").messages).toHaveLength(1);
    clock.advance(1);
    expect(control.state("drops").messages).toHaveLength(0);
    expect(control.state("drops/$DeadLetterQueue").messages).toHaveLength(0);
    expect(control.state("keeps").messages).toHaveLength(1);
    const dead = await one(client.createReceiver("keeps", { subQueueType: "deadLetter" }));
    expect(dead).toMatchObject({ body: 1, deadLetterReason: "TTLExpiredException" });
  });
});

describe("schedule", () => {
  // fidelity service-bus: schedule and cancel
  it("shows messages at their time, in its order, and cancels by number", async () => {
    const clock = createClock({ frozenAt: Date.now() });
    const { client, control } = await open({ clock });
    control.createQueue("q");
    const sender = client.createSender("q");
    const at = (ms: number) => new Date(clock.now() + ms);
    const [late, cancelled] = await sender.scheduleMessages([{ body: "late" }, { body: "cancelled" }], at(2_000));
    await sender.scheduleMessages({ body: "early" }, at(1_000));
    await sender.sendMessages({ body: "annotated", scheduledEnqueueTimeUtc: at(1_500) });
    const receiver = client.createReceiver("q");
    const peeked = await receiver.peekMessages(10);
    expect(peeked.map(({ body, state }) => [body, state])).toEqual([
      ["late", "scheduled"],
      ["cancelled", "scheduled"],
      ["early", "scheduled"],
      ["annotated", "scheduled"],
    ]);
    expect(peeked[0]!.sequenceNumber!.equals(late!)).toBe(true);
    await sender.cancelScheduledMessages(cancelled!);
    await expect(sender.cancelScheduledMessages(cancelled!)).rejects.toMatchObject({ code: "MessageNotFound" });
    clock.advance(5_000);
    const messages = await take(receiver, 3);
    expect(bodies(messages)).toEqual(["early", "annotated", "late"]);
    expect(messages[2]!.sequenceNumber!.greaterThan(late!)).toBe(true);
  });
});

// fidelity service-bus: locks, sessions, numbers and counts under 8 receivers
it("delivers each message to one valid lock, to 8 receivers, and loses none", async () => {
  const { client, control } = await open();
  control.createQueue("q", { lockDurationMs: 60_000, maxDeliveryCount: 100 });
  const sender = client.createSender("q");
  const count = 4_000;
  for (let at = 0; at < count; at += 500)
    await sender.sendMessages(Array.from({ length: 500 }, (_, of) => ({ body: at + of, messageId: `${at + of}` })));
  const held = new Set<unknown>();
  const done = new Set<unknown>();
  const twice: unknown[] = [];
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      const receiver = client.createReceiver("q");
      while (done.size < count) {
        const messages = await receiver.receiveMessages(100, { maxWaitTimeInMs: 200 });
        for (const message of messages) {
          if (held.has(message.body) || done.has(message.body)) twice.push(message.body);
          held.add(message.body);
          const isGivenBack = (message.deliveryCount ?? 0) === 0 && (message.body as number) % 10 === 0;
          held.delete(message.body);
          if (isGivenBack) await receiver.abandonMessage(message);
          else {
            done.add(message.body);
            await receiver.completeMessage(message);
          }
        }
      }
      await receiver.close();
    }),
  );
  expect(twice).toEqual([]);
  expect(done.size).toBe(count);
  await pause(0);
  expect(control.state("q").messages).toEqual([]);
});
