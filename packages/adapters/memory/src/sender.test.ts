import { describe, expect, it } from "vitest";
import { profiles } from "./capabilities.ts";
import { all, message, signal, start, texts, want } from "./process.test.fixture.ts";

describe.each(all)("sending to a broker like %s", (like) => {
  const { sender: capabilities, storage } = profiles[like];

  it("takes a message of the largest size and refuses the next larger, that one alone", async () => {
    const { adapter, open, everything } = start({ like });
    const sender = await adapter.openSender("orders");
    expect(sender.capabilities).toEqual(capabilities);
    const bare = sender.measure!(message("x", { body: null, headers: {} }));
    const fits = message("fits", { body: new Uint8Array(capabilities.maxMessageBytes - bare), headers: {} });
    const large = message("large", { body: new Uint8Array(capabilities.maxMessageBytes - bare + 1), headers: {} });
    expect(await sender.send([fits], signal)).toMatchObject([{ ok: true }]);
    const [outcome] = await sender.send([large], signal);
    expect(outcome!.ok ? "" : adapter.classify(outcome!.error)).toBe("too-large");
    expect(await everything(await open())).toHaveLength(1);
  });

  it("takes a full batch and stores nothing of one that is too long", async () => {
    const { adapter, open, everything } = start({ like, limits: { maxSendBatch: 5 } });
    const sender = await adapter.openSender("orders");
    const six = Array.from({ length: 6 }, (_, index) => message(`${index}`));
    const error = await sender.send(six, signal).catch((thrown: unknown) => thrown);
    expect(adapter.classify(error)).toBe("too-large");
    const receiver = await open();
    expect(await everything(receiver)).toEqual([]);
    expect(await sender.send(six.slice(1), signal)).toHaveLength(5);
    expect(await everything(receiver)).toHaveLength(5);
  });

  it("carries headers, key and content type, or nothing but the body", async () => {
    const { send, open, everything, clock } = start({ like });
    const receiver = await open();
    await send(
      "orders",
      message("a", {
        key: "k",
        contentType: "text/plain",
        headers: capabilities.headers ? { ce_id: "a" } : {},
        ttlMs: 1_000_000,
      }),
    );
    const [delivery] = await everything(receiver);
    expect(texts([delivery!])).toEqual(["a"]);
    expect(delivery!.message.timeMs).toBe(clock.now());
    if (capabilities.headers) {
      const { id, key, headers, contentType } = delivery!.message;
      expect({ id, key, headers, contentType }).toEqual({
        id: "a",
        key: "k",
        headers: { ce_id: "a" },
        contentType: "text/plain",
      });
    } else {
      expect(delivery!.message).toMatchObject({ key: undefined, headers: {}, contentType: undefined });
      expect(delivery!.message.id).not.toBe("a");
    }
  });

  it("schedules as far as it says", async () => {
    const { send, open, everything, clock, adapter } = start({ like });
    const receiver = await open();
    const [outcome] = await send("orders", message("a", { notBefore: new Date(clock.now() + 5_000) }));
    if (capabilities.schedule === false) {
      expect(outcome!.ok ? "" : adapter.classify(outcome!.error)).toBe("invalid");
      return;
    }
    expect(outcome!.ok).toBe(true);
    await clock.advance(4_999);
    expect(await everything(receiver)).toEqual([]);
    await clock.advance(1);
    expect(texts(await everything(receiver))).toEqual(["a"]);
    const tooFar = new Date(clock.now() + capabilities.schedule.maxDelayMs + 1);
    expect(await send("orders", message("b", { notBefore: tooFar }))).toMatchObject([{ ok: false }]);
    expect(await send("orders", message("c", { notBefore: new Date(0) }))).toMatchObject([{ ok: true }]);
    expect(texts(await everything(receiver))).toEqual(["c"]);
  });

  it("reaches topic/subscription alone by that name", async () => {
    const { send, open, everything } = start({ like });
    const [billing, audit] = [await open("billing"), await open("audit")];
    await send("orders/billing", message("a"));
    expect(texts(await everything(billing))).toEqual(["a"]);
    expect(await everything(audit)).toEqual([]);
    expect(billing.returnTo).toBe(profiles[like].returnTo ? "orders/billing" : undefined);
  });

  it("keeps for declared subscriptions, and for no others where the broker does not", async () => {
    const { send, open, everything } = start({ like, subscriptions: { orders: ["billing"] } });
    await send("orders", message("a"));
    expect(texts(await everything(await open("billing")))).toEqual(["a"]);
    if (like === "storage-queue") {
      await expect(open("audit")).rejects.toMatchObject({ code: "WB_MEMORY_SUBSCRIPTION_UNDECLARED" });
      return;
    }
    expect(texts(await everything(await open("audit")))).toEqual(storage === "log" ? ["a"] : []);
  });

  it("fails when closed, of a kind that core knows", async () => {
    const { adapter, open } = start({ like });
    const sender = await adapter.openSender("orders");
    const receiver = await open();
    const waiting = receiver.receive(want(), signal);
    expect(await adapter.health(signal)).toEqual({ ok: true });
    await adapter.close();
    await adapter.close();
    expect(await waiting).toEqual([]);
    for (const call of [sender.send([message("a")], signal), receiver.receive(want(), signal), open()]) {
      expect(adapter.classify(await call.catch((error: unknown) => error))).toBe("closed");
    }
    expect(await adapter.health(signal)).toMatchObject({ ok: false });
  });
});

it("like storage-queue, a topic without declared subscriptions takes nothing", async () => {
  const { adapter } = start({ like: "storage-queue", subscriptions: {} });
  const error = await adapter.openSender("orders").catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "WB_MEMORY_NO_SUBSCRIPTIONS" });
  expect(adapter.classify(error)).toBe("not-found");
});

it("drops a duplicate id within the window, where that is switched on", async () => {
  const { send, open, everything, clock, adapter } = start({ like: "service-bus", limits: { dedupeMs: 20_000 } });
  expect((await adapter.openSender("orders")).capabilities.dedupe).toBe(true);
  const receiver = await open();
  await send("orders", message("a"), message("a"), message("b"));
  await clock.advance(19_999);
  expect(await send("orders", message("a"))).toMatchObject([{ ok: true }]);
  expect(texts(await everything(receiver))).toEqual(["a", "b"]);
  await clock.advance(1);
  await send("orders", message("a"));
  expect(texts(await everything(receiver))).toEqual(["a"]);
});

it("forgets in a queue what has expired", async () => {
  const { send, open, everything, clock, adapter } = start({ like: "service-bus" });
  const receiver = await open();
  await send("orders", message("a", { ttlMs: 1_000 }), message("b"));
  await clock.advance(1_000);
  expect(texts(await everything(receiver))).toEqual(["b"]);
  expect(await adapter.backlog!({ topic: "orders", subscription: "billing" })).toMatchObject({ events: 1 });
});
