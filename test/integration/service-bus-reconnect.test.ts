import { createBus, defineEvent, defineTopic } from "@waybill/core";
import { createSpy } from "@waybill/core/testing";
import { type ServiceBusEmulator, startServiceBusEmulator } from "@waybill/emulators";
import { type ServiceBusOptions, serviceBus } from "@waybill/service-bus";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { startTcpProxy, type TcpProxy } from "../chaos/broker/tcp-proxy.ts";
import { ack, event, ids, never, send, take, until } from "./service-bus.fixture.ts";

const placed = defineEvent("placed", z.object({ n: z.number() }));
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

let emulator: ServiceBusEmulator;
let topics = 0;
beforeAll(async () => {
  emulator = await startServiceBusEmulator();
});
afterAll(() => emulator?.close());

/** Service and consumer, both behind a proxy of their own. */
async function behindProxy(sessions: ServiceBusOptions["sessions"], lockMs = 5_000) {
  const target = emulator;
  const proxy = await startTcpProxy(target.port);
  const topic = defineTopic(`orders-${++topics}`, [placed]);
  const adapter = serviceBus({
    connectionString: target.connectionString.replace(`:${target.port};`, `:${proxy.port};`),
    subscriptions: { [topic.name]: ["billing"] },
    sessions,
    lockMs,
    requestTimeoutMs: 3_000,
    probeMs: 1_000,
  });
  for (const step of await adapter.topology!.plan({ prune: false, signal: never })) await step.apply!(never);
  onTestFinished(async () => {
    await adapter.close();
    await proxy.close();
  });
  return { proxy, topic, adapter };
}

const DETACH = "com.microsoft:operation-cancelled";

const TROUBLES: Readonly<Record<string, (proxy: TcpProxy, path: string) => Promise<void>>> = {
  "a reset": async (proxy) => void proxy.cut(),
  "a connection that carries nothing more": async (proxy) => void proxy.stall(),
  "nobody there for a while": async (proxy) => {
    proxy.refuse(true);
    await sleep(700);
    proxy.refuse(false);
  },
  "a connection closed by the broker": async () => void emulator.control.cutConnections(),
  "a link ended by the broker": async (_proxy, path) => void emulator.control.detachLinks(DETACH, "Moved.", path),
};

describe.each(["none", "buckets"] as const)(
  "with sessions: %s, an idle consumer and a publisher come back after",
  (sessions) => {
    it.each(Object.keys(TROUBLES))(
      "%s",
      async (name) => {
        const { proxy, topic, adapter } = await behindProxy(sessions);
        const spy = createSpy();
        const bus = createBus({ source: "/shop", adapter, observers: [spy] });
        const seen = new Set<number>();
        const subscription = await bus.subscribe(topic, { name: "billing" }, async ({ data }) => void seen.add(data.n));
        await bus.publish(topic, placed({ n: 0 }, { key: "k" }));
        await spy.waitForCount("processed", 1, 10_000);
        // The broker goes on sending to a connection that it takes for alive: what it sent there comes again when its lock ends, once for each credit.
        const isSilent = name === "a connection that carries nothing more";
        for (let n = 1; n <= (isSilent ? 1 : 2); n++) {
          await TROUBLES[name]!(proxy, `${topic.name}.billing`);
          await bus.publish(topic, placed({ n }, { key: "k" }));
          await until(
            () => seen.has(n),
            `event ${n} after ${name}; ${JSON.stringify(spy.records.filter(({ what }) => what === "trouble").at(-1), null, 1)}`,
            isSilent ? 60_000 : 30_000,
          );
        }
        await until(() => subscription.health.ok, "the subscription is healthy again");
        await bus.close();
      },
      90_000,
    );
  },
);

describe("a broker that is stopped and started again", () => {
  it.each(["none", "buckets"] as const)(
    "is found again, with sessions: %s",
    async (sessions) => {
      let target = await startServiceBusEmulator();
      const { port } = target;
      onTestFinished(() => target.close());
      const topic = defineTopic("orders", [placed]);
      const adapter = serviceBus({
        connectionString: target.connectionString,
        subscriptions: { orders: ["billing"] },
        sessions,
        requestTimeoutMs: 3_000,
        probeMs: 1_000,
      });
      const apply = async () => {
        for (const step of await adapter.topology!.plan({ prune: false, signal: never })) await step.apply!(never);
      };
      await apply();
      const spy = createSpy();
      const bus = createBus({ source: "/shop", adapter, observers: [spy] });
      await bus.subscribe(topic, { name: "billing" }, async () => undefined);
      await bus.publish(topic, placed({ n: 0 }, { key: "k" }));
      await spy.waitForCount("processed", 1, 10_000);
      await target.close();
      const publishing = bus.publish(topic, placed({ n: 1 }, { key: "k" }));
      await spy.waitFor("trouble", () => true, 10_000);
      // It kept nothing: entities are made again before anybody asks for them.
      target = await startServiceBusEmulator({ port });
      await apply();
      await publishing;
      await spy.waitForCount("processed", 2, 20_000);
      expect(await adapter.health(never)).toEqual({ ok: true });
      await bus.close();
      await adapter.close();
    },
    45_000,
  );
});

describe("what is in hand when a connection breaks", () => {
  it("can still be settled over the next one, where no session was lost with it", async () => {
    const { proxy, topic, adapter } = await behindProxy("none", 60_000);
    const receiver = await adapter.openReceiver({ topic: topic.name, subscription: "billing", startFrom: "earliest" });
    const sender = await adapter.openSender(topic.name);
    await send(sender, event("a"), event("b"));
    const taken = await take(receiver, 2);
    proxy.cut();
    const told = async () => (await receiver.settle([ack(taken[0]!)], never))[0]!.ok;
    await until(told, "the ack is told", 30_000);
    expect((await receiver.renew!([taken[1]!], never))[0]).toMatchObject({ ok: true });
    const left = emulator.control.state(`${topic.name}.billing`).messages;
    expect(left.map(({ messageId }) => messageId)).toEqual([taken[1]!.message.id]);
  }, 60_000);

  it("is lost with its session, is told so, and comes again", async () => {
    const { proxy, topic, adapter } = await behindProxy("buckets");
    const receiver = await adapter.openReceiver({ topic: topic.name, subscription: "billing", startFrom: "earliest" });
    await send(await adapter.openSender(topic.name), event("a", { key: "k" }));
    const [first] = await take(receiver, 1);
    proxy.cut();
    await until(() => first!.lost.aborted, "`lost` has aborted");
    const [outcome] = await receiver.settle([ack(first!)], never);
    expect(outcome!.ok === false && adapter.classify(outcome!.error)).toBe("lost");
    const again = await takeThrough(receiver);
    expect(ids([again])).toEqual(["a"]);
  }, 60_000);
});

/** A receive may say once what went wrong. */
async function takeThrough(receiver: Parameters<typeof take>[0]) {
  try {
    return (await take(receiver, 1))[0]!;
  } catch {
    return (await take(receiver, 1))[0]!;
  }
}
