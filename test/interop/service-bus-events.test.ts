import { createBus } from "@waybill/core";
import { createCodec } from "@waybill/core/spi";
import { type ServiceBusEmulator, startServiceBusEmulator } from "@waybill/emulators";
import { serviceBus } from "@waybill/service-bus";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bytes, long, missing, run, time } from "./suite.ts";

/** CloudEvents between Waybill and whoever uses Python's azure-servicebus. */
describe.skipIf(missing !== undefined)("events of Python's azure-servicebus", () => {
  let emulator: ServiceBusEmulator;
  const { signal } = new AbortController();
  const adapter = (options = {}) =>
    serviceBus({ connectionString: emulator.connectionString, queues: ["jobs"], ...options });

  beforeAll(async () => {
    emulator = await startServiceBusEmulator();
    emulator.control.createQueue("jobs");
  });
  afterAll(() => emulator?.close());

  const python = <T>(program: string, argument: object) =>
    run<T>(program, { connection_string: emulator.connectionString, entity: { queue_name: "jobs" }, ...argument });

  it("are read, in binary mode with either prefix and any types, and as structured JSON", async () => {
    const at = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
    const attributes = (prefix: string) => ({
      [`${prefix}specversion`]: "1.0",
      [`${prefix}id`]: `id ${prefix}`,
      [`${prefix}source`]: "/python",
      [`${prefix}type`]: "com.example.placed",
      [`${prefix}time`]: time(at),
      [`${prefix}partitionkey`]: "o-1",
      [`${prefix}count`]: 7,
      [`${prefix}large`]: long(2_000_000_000),
      [`${prefix}note`]: "ünï",
    });
    const structured = {
      specversion: "1.0",
      id: "structured",
      source: "/python",
      type: "com.example.placed",
      datacontenttype: "application/json",
      data: { n: 3 },
    };
    await python("service_bus_send.py", {
      batch: false,
      messages: [
        {
          body: bytes('{"n":1}'),
          content_type: "application/json",
          application_properties: attributes("cloudEvents:"),
        },
        {
          body: bytes('{"n":2}'),
          content_type: "application/json",
          application_properties: attributes("cloudEvents_"),
        },
        { body: bytes(JSON.stringify(structured)), content_type: "application/cloudevents+json; charset=utf-8" },
      ],
    });
    const ours = adapter();
    const bus = createBus({ source: "/shop", adapter: ours });
    const seen: unknown[] = [];
    const enough = Promise.withResolvers<void>();
    await bus.subscribe("jobs", { name: "worker" }, async (event) => {
      seen.push(event);
      if (seen.length === 3) enough.resolve();
    });
    await enough.promise;
    await bus.drain();
    await bus.close();
    const binary = {
      specversion: "1.0",
      source: "/python",
      type: "com.example.placed",
      partitionkey: "o-1",
      count: 7,
      large: 2_000_000_000,
      note: "ünï",
      datacontenttype: "application/json",
    };
    expect(seen).toMatchObject([
      { ...binary, id: "id cloudEvents:", data: { n: 1 } },
      { ...binary, id: "id cloudEvents_", data: { n: 2 } },
      structured,
    ]);
    for (const event of seen.slice(0, 2)) expect(Date.parse((event as { time: string }).time)).toBe(at);
  });

  it.each(["cloudEvents_", "cloudEvents:"] as const)(
    "reads ours, written with %s, and those that it gave up",
    async (prefix) => {
      const ours = adapter({ attributePrefix: prefix });
      const sender = await ours.openSender("jobs");
      const event = {
        specversion: "1.0",
        id: "e-1",
        source: "/shop",
        type: "com.example.placed",
        time: "2026-01-02T03:04:05.678Z",
        partitionkey: "o-1",
        count: 7,
        yes: true,
        datacontenttype: "application/json",
        data: { text: "ünï" },
      };
      await sender.send([createCodec().encode(event as never, { headers: true })], signal);
      const [read] = await python<Record<string, unknown>[]>("service_bus_receive.py", {
        settle: [["dead_letter", { reason: "unfit", error_description: "Ünfit." }]],
      });
      expect(read).toMatchObject({
        body: bytes(JSON.stringify(event.data)),
        message_id: "e-1",
        content_type: "application/json",
        application_properties: {
          [`${prefix}specversion`]: "1.0",
          [`${prefix}id`]: "e-1",
          [`${prefix}source`]: "/shop",
          [`${prefix}type`]: "com.example.placed",
          [`${prefix}time`]: "2026-01-02T03:04:05.678Z",
          [`${prefix}partitionkey`]: "o-1",
          [`${prefix}count`]: "7",
          [`${prefix}yes`]: "true",
        },
      });
      const bus = createBus({ source: "/shop", adapter: ours });
      const letters = bus.deadLetters("jobs", "worker");
      const [letter] = await letters.list();
      expect(letter).toMatchObject({ id: "e-1", event, reason: { reason: "unfit", error: "unfit: Ünfit." } });
      expect(await letters.purge()).toMatchObject({ done: 1 });
      await letters.close();
      await bus.close();
    },
  );
});
