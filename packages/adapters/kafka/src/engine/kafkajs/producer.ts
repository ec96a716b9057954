import kafkajs, { type CompressionTypes, type IHeaders, type Kafka } from "kafkajs";
import type { Compression, Settings } from "../../options.ts";
import type { EngineProducer, OutboundRecord } from "../engine.ts";
import { METADATA_MAX_AGE_MS, RETRY } from "./client.ts";

const TYPES: Readonly<Record<Compression, CompressionTypes>> = {
  none: kafkajs.CompressionTypes.None,
  gzip: kafkajs.CompressionTypes.GZIP,
  zstd: kafkajs.CompressionTypes.ZSTD,
};

export async function openProducer(kafka: Kafka, settings: Settings): Promise<EngineProducer> {
  const producer = kafka.producer({
    idempotent: settings.idempotent,
    allowAutoTopicCreation: false,
    metadataMaxAge: METADATA_MAX_AGE_MS,
    retry: RETRY,
    // Never asked: every record names its partition. Named, so that kafkajs does not warn.
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  try {
    await producer.connect();
  } catch (error) {
    await producer.disconnect().catch(() => undefined);
    throw error;
  }
  const compression = TYPES[settings.compression];
  return {
    async send(topic, records) {
      const messages = records.map(toMessage);
      await producer.send({ topic, messages, acks: -1, timeout: settings.requestTimeoutMs, compression });
    },
    close: () => producer.disconnect(),
  };
}

function toMessage({ partition, key, value, headers }: OutboundRecord) {
  const named: IHeaders = Object.create(null) as IHeaders;
  for (const [name, bytes] of headers) named[name] = bytes;
  return { partition, key, value, headers: named };
}
