import kafkajs, { type CompressionTypes, type RecordMetadata } from "kafkajs";
import type { Compression, Settings } from "../../options.ts";
import { type EngineProducer, type OutboundRecord, PartlySent } from "../engine.ts";
import { createClient, METADATA_MAX_AGE_MS, RETRY } from "./client.ts";
import { leaveOutLeaderless } from "./leaderless.ts";

const { KafkaJSTopicMetadataNotLoaded } = kafkajs;
const NO_LEADER = "kafkajs has left these partitions out, for it does not know who leads them";

const TYPES: Readonly<Record<Compression, CompressionTypes>> = {
  none: kafkajs.CompressionTypes.None,
  gzip: kafkajs.CompressionTypes.GZIP,
  zstd: kafkajs.CompressionTypes.ZSTD,
};

export async function openProducer(settings: Settings): Promise<EngineProducer> {
  const client = createClient(settings, { metadata: leaveOutLeaderless });
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
      let messages = [...records];
      while (messages.length > 0) {
        const answers = await producer.send({
          topic,
          messages,
          acks: -1,
          timeout: settings.requestTimeoutMs,
          compression,
        });
        const left = unanswered(messages, answers);
        if (left.length === messages.length) {
          // It knows nobody who leads them: partitions that were just added, or whose replicas are all down. The next producer asks anew.
          const failure = new KafkaJSTopicMetadataNotLoaded(NO_LEADER, { topic });
          throw left.length === records.length ? failure : new PartlySent(left, failure);
        }
        messages = left;
      }
    },
    close: () => client.end(producer.disconnect()),
  };
}

/**
 * What kafkajs has not sent, though it says that all went well: it tries again only with brokers that have not answered yet, and a partition may have moved to one
 * that has, for its other partitions. Nor does it send to a partition that its metadata, a minute old at most, does not have.
 */
function unanswered(records: readonly OutboundRecord[], answers: readonly RecordMetadata[]): OutboundRecord[] {
  const answered = new Set(answers.map(({ partition }) => partition));
  return records.filter(({ partition }) => !answered.has(partition));
}
