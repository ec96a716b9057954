import { createBus, defineEvent, defineTopic, type Inbox } from "@waybill/core";
import { createCodec } from "@waybill/core/spi";
import { memory } from "@waybill/memory";
import { memoryInbox } from "@waybill/outbox";
import { CloudEvent, HTTP } from "cloudevents";
import { z } from "zod";
import { type BenchOptions, type Result, rate } from "./result.ts";

const orderPlaced = defineEvent("com.example.order.placed", z.object({ orderId: z.string(), total: z.number() }));
const orders = defineTopic("orders", [orderPlaced]);

const AIM = 300_000;
/** Events of one publish call. */
const BATCH = 200;
/** Events published and not handled yet: a consumer that keeps up, not a backlog that fills memory. */
const WINDOW = 1_000;

/** Publish → codec → loop → handler → settle, in one process. */
async function pipeline(
  lanes: number,
  events: number,
  rounds: number,
  inbox?: () => Inbox<undefined>,
): Promise<number> {
  return rate(rounds, events, async () => {
    const bus = createBus({ source: "/bench", adapter: memory({ partitions: lanes }) });
    let handled = 0;
    let wake: (() => void) | undefined;
    const options = { name: "billing", concurrency: 16, ...(inbox === undefined ? {} : { inbox: inbox() }) };
    await bus.subscribe(orders, options, async () => {
      handled++;
      if (handled % BATCH === 0) wake?.();
    });
    for (let sent = 0; sent < events; sent += BATCH) {
      while (sent - handled >= WINDOW) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const batch = Array.from({ length: BATCH }, (_, i) =>
        orderPlaced({ orderId: `o-${sent + i}`, total: sent + i }, { key: `customer-${(sent + i) % 512}` }),
      );
      await bus.publish(orders, batch);
    }
    while (handled < events) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    await bus.drain();
    await bus.close();
  });
}

const raw = {
  specversion: "1.0" as const,
  id: "0197c0a4-5c6e-7c2b-8a54-9f8f1a2b3c4d",
  source: "/bench",
  type: "com.example.order.placed",
  time: "2026-01-01T00:00:00.000Z",
  datacontenttype: "application/json",
  partitionkey: "customer-1",
  data: { orderId: "o-1", total: 42 },
};

/** Encode and decode one event, events per second. */
async function codecRate(headers: boolean, events: number): Promise<number> {
  const codec = createCodec();
  return rate(3, events, async () => {
    for (let i = 0; i < events; i++) codec.decode(codec.encode(raw, { headers }));
  });
}

async function peerCodecRate(events: number): Promise<number> {
  const event = new CloudEvent(raw);
  return rate(3, events, async () => {
    for (let i = 0; i < events; i++) {
      const message = HTTP.structured(event);
      HTTP.toEvent({ headers: message.headers, body: message.body });
    }
  });
}

export async function run({ quick, progress }: BenchOptions): Promise<Result[]> {
  const scale = quick ? 0.1 : 1;
  const events = 300_000 * scale;
  const results: Result[] = [];
  const note = (result: Result) => {
    results.push(result);
    progress(`${result.name}: ${result.value.toLocaleString("en")} ${result.unit}`);
  };
  for (const lanes of [1, 16]) {
    const name = `${lanes} lane${lanes === 1 ? "" : "s"}`;
    note({
      name: `pipeline, ${name}, no inbox`,
      value: await pipeline(lanes, events, 5),
      unit: "events/s",
      aim: AIM,
      higherIsBetter: true,
    });
    const inbox = () => memoryInbox({}) as Inbox<undefined>;
    note({
      name: `pipeline, ${name}, inbox in memory`,
      value: await pipeline(lanes, events, 3, inbox),
      unit: "events/s",
      higherIsBetter: true,
    });
  }
  const binary = await codecRate(true, 200_000 * scale);
  const structured = await codecRate(false, 200_000 * scale);
  const peer = await peerCodecRate(20_000 * scale);
  note({ name: "codec, binary, encode and decode", value: binary, unit: "events/s", higherIsBetter: true });
  note({ name: "codec, structured, encode and decode", value: structured, unit: "events/s", higherIsBetter: true });
  note({
    name: "codec, structured, against cloudevents",
    value: Number((structured / peer).toFixed(1)),
    unit: "×",
    aim: 5,
    higherIsBetter: true,
  });
  return results;
}
