import type { Settings } from "../../options.ts";
import type { EngineProducer } from "../engine.ts";
import { clientOptions } from "./client-options.ts";
import { watchConnections } from "./connections.ts";
import type { Library } from "./library.ts";

const ALL_REPLICAS = -1;

export function openProducer(library: Library, settings: Settings): EngineProducer {
  const producer = new library.Producer({
    ...clientOptions(settings),
    idempotent: settings.idempotent,
    acks: ALL_REPLICAS,
    compression: settings.compression,
  });
  const connections = watchConnections(producer);
  return {
    async send(topic, records) {
      const timestamp = BigInt(Date.now());
      const messages = records.map(({ partition, key, value, headers }) => ({
        topic,
        partition,
        timestamp,
        ...(key === null ? {} : { key }),
        // A tombstone: null is written as such, though the types know only bytes.
        value: value as Buffer,
        headers: new Map(Object.entries(headers).map(([name, sent]) => [Buffer.from(name), bytesOf(sent)])),
      }));
      await connections.told(producer.send({ acks: ALL_REPLICAS, messages }));
    },
    close: () => connections.end(producer.close()),
  };
}

const bytesOf = (header: string | Buffer) => (typeof header === "string" ? Buffer.from(header) : header);
