import { expect, it } from "vitest";
import { bodies, connect, createClock, one, open, take } from "./emulator-service-bus.fixture.ts";

const sessionQueue = { requiresSession: true };

// fidelity service-bus: sessions: accept by id, in order
it("gives a session to one receiver, in order", async () => {
  const { client, control, ...emulator } = await open();
  control.createQueue("q", sessionQueue);
  await client.createSender("q").sendMessages([
    { body: 1, sessionId: "a" },
    { body: 2, sessionId: "b" },
    { body: 3, sessionId: "a" },
  ]);
  const a = await client.acceptSession("q", "a");
  expect(a.sessionId).toBe("a");
  expect(a.sessionLockedUntilUtc.getTime() - Date.now()).toBeGreaterThan(50_000);
  await expect(client.acceptSession("q", "a")).rejects.toMatchObject({ code: "SessionCannotBeLocked" });
  const next = await client.acceptNextSession("q");
  expect(next.sessionId).toBe("b");
  const messages = await take(a, 2);
  expect(bodies(messages)).toEqual([1, 3]);
  await a.abandonMessage(messages[0]!);
  await a.completeMessage(messages[1]!);
  expect(bodies([await one(a)])).toEqual([1]);

  const impatient = connect(emulator, 300);
  await expect(impatient.acceptNextSession("q")).rejects.toMatchObject({ code: "ServiceTimeout" });
  await impatient.close();
});

// fidelity service-bus: sessions: accept the next
it("waits for the next session until a message comes", async () => {
  const { client, control } = await open();
  control.createQueue("q", sessionQueue);
  const accepted = client.acceptNextSession("q");
  await client.createSender("q").sendMessages({ body: 1, sessionId: "late" });
  const receiver = await accepted;
  expect(receiver.sessionId).toBe("late");
  expect(bodies([await one(receiver)])).toEqual([1]);
});

// fidelity service-bus: sessions: defer, peek and renew inside; release
it("releases a closed session: its messages come back uncounted", async () => {
  const { client, control } = await open();
  control.createQueue("q", sessionQueue);
  await client.createSender("q").sendMessages({ body: 1, sessionId: "a" });
  const first = await client.acceptSession("q", "a");
  await one(first);
  await first.close();
  const second = await client.acceptSession("q", "a");
  expect(await one(second)).toMatchObject({ body: 1, deliveryCount: 0 });
});

// fidelity service-bus: sessions: state
it("keeps state until it is cleared", async () => {
  const { client, control } = await open();
  control.createQueue("q", sessionQueue);
  const first = await client.acceptSession("q", "a");
  expect(await first.getSessionState()).toBeNull();
  await first.setSessionState({ step: 2 });
  await first.close();
  const second = await client.acceptSession("q", "a");
  expect(await second.getSessionState()).toEqual({ step: 2 });
  await second.setSessionState(null);
  expect(await second.getSessionState()).toBeNull();
});

// fidelity service-bus: sessions: renewal and loss of the lock
it("renews the session's lock, and loses it when its time is over", async () => {
  const clock = createClock({ frozenAt: Date.now() });
  const { client, control } = await open({ clock });
  control.createQueue("q", { ...sessionQueue, lockDurationMs: 10_000 });
  await client.createSender("q").sendMessages({ body: 1, sessionId: "a" });
  const receiver = await client.acceptSession("q", "a", { maxAutoLockRenewalDurationInMs: 0 });
  const message = await one(receiver);
  clock.advance(9_000);
  expect((await receiver.renewSessionLock()).getTime()).toBe(clock.now() + 10_000);
  clock.advance(9_999);
  expect(control.state("q").messages[0]).toMatchObject({ state: "locked" });
  clock.advance(1);
  expect(control.state("q").messages[0]).toMatchObject({ state: "active", deliveryCount: 1 });
  // On one connection this answer comes after the detach.
  await expect(receiver.renewSessionLock()).rejects.toMatchObject({ code: "SessionLockLost" });
  await expect(receiver.completeMessage(message)).rejects.toMatchObject({ code: "SessionLockLost" });
  expect(await one(await client.acceptSession("q", "a"))).toMatchObject({ deliveryCount: 1 });
});

// fidelity service-bus: sessions: renewal and loss of the lock
it("tells a streaming receiver that its session is lost", async () => {
  const { client, control } = await open();
  control.createQueue("q", sessionQueue);
  await client.createSender("q").sendMessages({ body: 1, sessionId: "a" });
  const receiver = await client.acceptNextSession("q");
  const lost = new Promise<unknown>((resolve) => {
    receiver.subscribe({
      processMessage: async () => {
        control.loseSession("q", "a");
      },
      processError: async ({ error, errorSource }) => {
        if (errorSource === "receive") resolve(error);
      },
    });
  });
  expect(await lost).toMatchObject({ code: "SessionLockLost" });
  expect(control.loseSession("q", "a")).toBe(false);
});

// fidelity service-bus: sessions: defer, peek and renew inside; release
it("defers, peeks and renews inside a session", async () => {
  const { client, control } = await open();
  control.createQueue("q", sessionQueue);
  await client.createSender("q").sendMessages([
    { body: 1, sessionId: "a" },
    { body: 2, sessionId: "b" },
    { body: 3, sessionId: "a" },
  ]);
  const a = await client.acceptSession("q", "a");
  expect(bodies(await a.peekMessages(9))).toEqual([1, 3]);
  const message = await one(a);
  await a.deferMessage(message);
  const b = await client.acceptSession("q", "b");
  await expect(b.receiveDeferredMessages(message.sequenceNumber!)).rejects.toMatchObject({ code: "MessageNotFound" });
  const [deferred] = await a.receiveDeferredMessages(message.sequenceNumber!);
  await a.completeMessage(deferred!);
  expect(control.state("q").messages.map(({ sequenceNumber }) => sequenceNumber)).toEqual([2, 3]);
});

// fidelity service-bus: receivers that do not fit the entity are refused
it("refuses a receiver that does not fit the entity", async () => {
  const { client, control } = await open();
  control.createQueue("q", sessionQueue);
  control.createQueue("plain");
  await expect(client.createReceiver("q").receiveMessages(1, { maxWaitTimeInMs: 500 })).rejects.toThrow(
    /It is not possible for an entity that requires sessions/,
  );
  await expect(client.acceptNextSession("plain")).rejects.toThrow(/sessionful message receiver cannot be created/);
});

// fidelity service-bus: sessions: accept the next
it("shares many sessions among 8 receivers: each in order, none twice, none left", async () => {
  const { client, control } = await open();
  control.createQueue("q", sessionQueue);
  const sessions = 40;
  const each = 25;
  await Promise.all(
    Array.from({ length: sessions }, (_, of) =>
      client
        .createSender("q")
        .sendMessages(Array.from({ length: each }, (_, at) => ({ body: at, sessionId: `s${of}` }))),
    ),
  );
  const seen = new Map<string, number[]>();
  let left = sessions * each;
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      while (left > 0) {
        const receiver = await client.acceptNextSession("q").catch(() => undefined);
        if (receiver === undefined) break;
        const order = seen.get(receiver.sessionId) ?? [];
        seen.set(receiver.sessionId, order);
        while (order.length < each) {
          for (const message of await receiver.receiveMessages(10, { maxWaitTimeInMs: 100 })) {
            order.push(message.body as number);
            left -= 1;
            await receiver.completeMessage(message);
          }
        }
        await receiver.close();
        if (left === 0) break;
        if (seen.size === sessions) break;
      }
    }),
  );
  expect(seen.size).toBe(sessions);
  for (const order of seen.values()) expect(order).toEqual(Array.from({ length: each }, (_, at) => at));
  await expect.poll(() => control.state("q").messages).toEqual([]);
}, 30_000);
