import { ManualClock } from "@waybill/core/testing";
import { describe, expect, it } from "vitest";
import { memory } from "./adapter.ts";
import { createMemoryBroker } from "./broker/broker.ts";
import { ack, message, signal, start, texts } from "./process.test.fixture.ts";

describe("options", () => {
  it("refuses adapters of one broker that disagree", () => {
    const broker = createMemoryBroker({ clock: new ManualClock() });
    memory({ broker, like: "kafka" });
    expect(() => memory({ broker, like: "service-bus" })).toThrow("WB_MEMORY_BROKER_MISMATCH");
    expect(() => memory({ broker, like: "kafka", clock: new ManualClock() })).toThrow("the clock");
  });

  it("keeps prefixes apart on one broker", async () => {
    const broker = createMemoryBroker({ clock: new ManualClock() });
    const [dev, test] = [start({ broker, prefix: "dev" }), start({ broker, prefix: "test" })];
    await dev.send("orders", message("a"));
    const receiver = await test.open();
    expect(await test.everything(receiver)).toEqual([]);
    const [delivery] = await dev.everything(await dev.open());
    expect(delivery!.lane).toMatch(/^dev\/orders\/\d$/);
    await test.send("orders", message("b"));
    expect(texts(await test.everything(receiver))).toEqual(["b"]);
    await receiver.settle([ack(delivery!)], signal);
  });

  it("uses names set by hand, and refuses bad ones", async () => {
    const { adapter, send } = start({ names: { orders: "Legacy_Orders" } });
    await send("orders", message("a"));
    expect([...adapter.broker.logs.keys()]).toContain("Legacy_Orders");
    await expect(adapter.openSender("Bad Name")).rejects.toMatchObject({ code: "WB_NAME_INVALID" });
  });
});
