import kafkajs, { type CompressionTypes } from "kafkajs";
import type { Compression, Settings } from "../../options.ts";
import type { EngineProducer } from "../engine.ts";
import { createClient, METADATA_MAX_AGE_MS, RETRY } from "./client.ts";

const TYPES: Readonly<Record<Compression, CompressionTypes>> = {
  none: kafkajs.CompressionTypes.None,
  gzip: kafkajs.CompressionTypes.GZIP,
  zstd: kafkajs.CompressionTypes.ZSTD,
};

export async function openProducer(settings: Settings): Promise<EngineProducer> {
  const client = createClient(settings);
  const producer = client.kafka.producer({
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
    await client.end(producer.disconnect());
    throw error;
  }
  const compression = TYPES[settings.compression];
  return {
    async send(topic, records) {
      const messages = [...records];
      await producer.send({ topic, messages, acks: -1, timeout: settings.requestTimeoutMs, compression });
    },
    close: () => client.end(producer.disconnect()),
  };
}
