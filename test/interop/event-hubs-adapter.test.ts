import { createCodec, type Delivery, type Receiver } from "@waybill/core/spi";
import { type Azurite, type EventHubsEmulator, startAzurite, startEventHubsEmulator } from "@waybill/emulators";
import { type EventHubsAdapter, eventHubs } from "@waybill/event-hubs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bytes, missing, run, time } from "./suite.ts";

interface Described {
  readonly body: { readonly $bytes: string };
  readonly properties: Record<string, unknown>;
  readonly content_type: string;
  readonly message_id: string;
}

const never = new AbortController().signal;
const codec = createCodec();
const source = (topic: string) => ({ topic, subscription: "billing", startFrom: "earliest" }) as const;
const textOf = ({ message }: Delivery) => Buffer.from(message.body ?? []).toString();

async function receiveAll(receiver: Receiver, count: number): Promise<Delivery[]> {
  const found: Delivery[] = [];
  const want = { max: 100, maxBytes: 1_000_000, pausedLanes: new Set<string>() };
  for (const until = Date.now() + 20_000; found.length < count && Date.now() < until; )
    found.push(...(await receiver.receive(want, never)));
  return found;
}

describe.skipIf(missing !== undefined)("the Event Hubs adapter beside Python's azure-eventhub", () => {
  let emulator: EventHubsEmulator;
  let azurite: Azurite;
  let adapter: EventHubsAdapter;

  beforeAll(async () => {
    const hubs = Object.fromEntries(["read", "written", "shared"].map((hub) => [hub, { partitionCount: 1 }]));
    [emulator, azurite] = await Promise.all([
      startEventHubsEmulator({ hubs }),
      startAzurite({ blobs: true, queues: false }),
    ]);
    adapter = open();
  });
  afterAll(async () => {
    await adapter?.close();
    await emulator?.close();
    await azurite?.stop();
  });

  const open = () =>
    eventHubs({
      connectionString: emulator.connectionString,
      checkpoints: { connectionString: azurite.connectionString, container: "checkpoints" },
      consumerGroups: { "read/billing": "$Default", "shared/billing": "$Default" },
      updateIntervalMs: 300,
      ownershipMs: 2_000,
    });
  const python = <T>(program: string, hub: string, argument: object = {}) =>
    run<T>(program, { connection_string: emulator.connectionString, eventhub_name: hub, ...argument });

  it.each(["cloudEvents_", "cloudEvents:"])("reads CloudEvents that it wrote, with %s", async (prefix) => {
    const at = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
    const attributes = {
      specversion: "1.0",
      id: `p-${prefix.length}${prefix.at(-1)}`,
      source: "/python",
      type: "com.example.ö",
      time: time(at),
      partitionkey: "k",
      urgent: true,
      count: 7,
    };
    const properties = Object.fromEntries(Object.entries(attributes).map(([name, value]) => [prefix + name, value]));
    const event = { body: bytes('{"n": "ä"}'), content_type: "application/json", properties };
    const structured = {
      body: bytes(JSON.stringify({ specversion: "1.0", id: "s", source: "/python", type: "t", data: [1] })),
      content_type: "application/cloudevents+json; charset=utf-8",
    };
    await python("event_hubs_send.py", "read", {
      batches: [{ options: { partition_key: "k" }, events: [event, structured] }],
    });
    const receiver = await adapter.openReceiver(source("read"));
    const found = await receiveAll(receiver, 2);
    await receiver.settle([{ delivery: found[1]!, kind: "ack" }], never);
    await receiver.close();
    expect(found.map(({ message }) => message.key)).toEqual(["k", "k"]);
    expect(codec.decode(found[0]!.message).event).toMatchObject({
      id: attributes.id,
      source: "/python",
      type: "com.example.ö",
      time: new Date(at).toISOString(),
      partitionkey: "k",
      datacontenttype: "application/json",
      data: { n: "ä" },
      count: "7",
    });
    expect(codec.decode(found[1]!.message).event).toMatchObject({ id: "s", data: [1] });
  });

  it("writes CloudEvents that it reads", async () => {
    const event = {
      specversion: "1.0",
      id: "ours",
      source: "/waybill",
      type: "com.example.ö",
      datacontenttype: "application/json",
      partitionkey: "k",
      data: { n: "ä" },
    };
    const sender = await adapter.openSender("written");
    const [outcome] = await sender.send([codec.encode(event as never, { headers: true })], never);
    expect(outcome).toMatchObject({ ok: true });
    const [read] = await python<Described[]>("event_hubs_receive.py", "written", {
      count: 1,
      options: { partition_id: "0", starting_position: "-1" },
    });
    expect(read).toMatchObject({
      content_type: "application/json",
      message_id: "ours",
      properties: {
        cloudEvents_specversion: "1.0",
        cloudEvents_id: "ours",
        cloudEvents_source: "/waybill",
        cloudEvents_type: "com.example.ö",
        cloudEvents_partitionkey: "k",
      },
    });
    expect(JSON.parse(Buffer.from(read!.body.$bytes, "hex").toString())).toEqual({ n: "ä" });
  });

  it("shares checkpoints with it, in both directions", async () => {
    const sender = await adapter.openSender("shared");
    const messages = ["0", "1", "2", "3", "4", "5"].map((n) => ({
      id: n,
      key: "k",
      headers: {},
      body: Buffer.from(n),
    }));
    expect((await sender.send(messages, never)).every(({ ok }) => ok)).toBe(true);
    const ours = await adapter.openReceiver(source("shared"));
    const first = await receiveAll(ours, 6);
    await ours.settle([{ delivery: first[1]!, kind: "ack" }], never);
    await ours.close();
    const theirs = await python<Described[]>("event_hubs_checkpoint.py", "shared", {
      storage: azurite.connectionString,
      container: "checkpoints",
      count: 4,
      checkpoint_at: bytes("3"),
    });
    expect(theirs.map(({ body }) => Buffer.from(body.$bytes, "hex").toString())).toEqual(["2", "3", "4", "5"]);
    const again = await open().openReceiver(source("shared"));
    const rest = await receiveAll(again, 2);
    expect(rest.map(textOf)).toEqual(["4", "5"]);
    await again.close();
  });
});
