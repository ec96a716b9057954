import kafkajs, { type CompressionTypes, type Kafka } from "kafkajs";
import type { Compression, Settings } from "../../options.ts";
import type { EngineProducer } from "../engine.ts";
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
      const messages = [...records];
      await producer.send({ topic, messages, acks: -1, timeout: settings.requestTimeoutMs, compression });
    },
    close: () => producer.disconnect(),
  };
}
