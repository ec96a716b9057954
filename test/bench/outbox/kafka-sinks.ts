import type { Bus, PublishOptions, RawCloudEvent } from "@waybill/core";
import type { Message, Producer } from "kafkajs";
import { Counting } from "./counting.ts";

/** What one writes for a contestant that has no broker of its own: kafkajs, one send for what it hands over. */
export class KafkajsSink extends Counting {
  readonly #producer: Producer;
  readonly #topic: string;

  constructor(producer: Producer, topic: string) {
    super();
    this.#producer = producer;
    this.#topic = topic;
  }

  override async publishRaw(topic: string, events: readonly RawCloudEvent[]) {
    await this.#producer.send({ topic: this.#topic, messages: events.map(messageOf) });
    return super.publishRaw(topic, events);
  }

  override async one(event: RawCloudEvent): Promise<void> {
    await this.#producer.send({ topic: this.#topic, messages: [messageOf(event)] });
    return super.one(event);
  }
}

/** Waybill's own adapter. */
export class BusSink extends Counting {
  override readonly stopsKeys = (topic: string) => this.#bus.stopsKeys?.(topic) === true;
  readonly #bus: Bus;

  constructor(bus: Bus) {
    super();
    this.#bus = bus;
  }

  override async publishRaw(topic: string, events: readonly RawCloudEvent[], options?: PublishOptions) {
    const outcomes = await this.#bus.publishRaw(topic, events, options);
    this.note(outcomes.filter(({ ok }) => ok).length);
    return outcomes;
  }
}

/** The CloudEvent in binary mode, as Waybill writes it. */
function messageOf({ data, partitionkey, datacontenttype, ...attributes }: RawCloudEvent): Message {
  const headers: Record<string, string> = { "content-type": String(datacontenttype ?? "application/json") };
  for (const [name, value] of Object.entries(attributes)) headers[`ce_${name}`] = String(value);
  return { key: String(partitionkey), value: JSON.stringify(data), headers };
}
