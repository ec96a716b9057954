import { Admin as PlatformaticAdmin, Producer } from "@platformatic/kafka";
import type { CapturedError } from "@waybill/conformance";
import { Kafka, logLevel, Partitioners } from "kafkajs";

const LARGE = Buffer.alloc(1_200_000, 0x78);
const NOBODY = "127.0.0.1:1";

const errorOf = (call: Promise<unknown>) =>
  call.then(
    () => new Error("This call was to fail."),
    (error: unknown) => error,
  );

/** Errors as kafkajs really throws them. */
export async function kafkajsErrors(brokers: string[]): Promise<readonly CapturedError[]> {
  const retry = { initialRetryTime: 10, maxRetryTime: 20, retries: 1 };
  const client = (to: string[]) => new Kafka({ clientId: "captured", brokers: to, logLevel: logLevel.NOTHING, retry });
  const kafka = client(brokers);
  const admin = kafka.admin();
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await Promise.all([admin.connect(), producer.connect()]);
  await admin.createTopics({ topics: [{ topic: "captured", numPartitions: 1 }] });
  const send = (topic: string, value: Buffer) => errorOf(producer.send({ topic, messages: [{ value, partition: 0 }] }));
  try {
    return [
      {
        what: "a topic that does not exist",
        kind: "not-found",
        error: await send("captured-absent", Buffer.from("x")),
      },
      {
        what: "a name that no topic can have",
        kind: "invalid",
        error: await send("no topic/at all", Buffer.from("x")),
      },
      { what: "a message that is too large", kind: "too-large", error: await send("captured", LARGE) },
      {
        what: "a replication factor that the cluster cannot keep",
        kind: "invalid",
        error: await errorOf(admin.createTopics({ topics: [{ topic: "captured-3", replicationFactor: 3 }] })),
      },
      { what: "nobody at that address", kind: "transient", error: await errorOf(client([NOBODY]).admin().connect()) },
      {
        what: "a producer that is disconnected",
        kind: "unknown",
        error: await errorOf(kafka.producer().send({ topic: "captured", messages: [{ value: "x" }] })),
      },
    ];
  } finally {
    await Promise.all([admin.disconnect(), producer.disconnect()]);
  }
}

/** Errors as `@platformatic/kafka` really throws them. */
export async function platformaticErrors(brokers: string[]): Promise<readonly CapturedError[]> {
  const options = (to: string[]) => ({
    clientId: "captured",
    bootstrapBrokers: to,
    retries: 0,
    autocreateTopics: false,
  });
  const admin = new PlatformaticAdmin(options(brokers));
  const producer = new Producer({ ...options(brokers), acks: -1 });
  const nobody = new PlatformaticAdmin(options([NOBODY]));
  await admin.createTopics({ topics: ["captured-too"], partitions: 1, replicas: 1 });
  try {
    return [
      {
        what: "a message that is too large",
        kind: "too-large",
        error: await errorOf(producer.send({ messages: [{ topic: "captured-too", value: LARGE, partition: 0 }] })),
      },
      {
        what: "a replication factor that the cluster cannot keep",
        kind: "invalid",
        error: await errorOf(admin.createTopics({ topics: ["captured-three"], partitions: 1, replicas: 3 })),
      },
      { what: "nobody at that address", kind: "transient", error: await errorOf(nobody.metadata({ topics: [] })) },
    ];
  } finally {
    await Promise.all([admin.close(), producer.close(), nobody.close()]);
  }
}
