import { defineErrors } from "@waybill/core/spi";

const table = {
  WB_KAFKA_OPTION: {
    sentence: (p: { option: string; problem: string }) => `kafka: the option ${p.option} ${p.problem}.`,
    hint: "The docstrings of KafkaOptions state each option's unit, range and default.",
  },
  WB_KAFKA_ENGINE: {
    sentence: (p: { engine: string; problem: string }) => `The Kafka engine ${p.engine} cannot be used: ${p.problem}.`,
    hint: 'Install @platformatic/kafka beside @waybill/kafka, on Node 22.22 or 24.6 and later, or leave engine out: "kafkajs" needs nothing.',
  },
  WB_KAFKA_NAME: {
    sentence: (p: { what: string; logical: string; name: string; problem: string }) =>
      `The ${p.what} name ${JSON.stringify(p.name)} for ${p.logical} ${p.problem}.`,
    hint: "Kafka's topics have 1 to 249 of the characters a-z A-Z 0-9 . _ -, and are not . or .. alone.",
  },
  WB_KAFKA_TOPIC: {
    sentence: (p: { topic: string; logical: string }) => `There is no Kafka topic ${p.topic} (for ${p.logical}).`,
    hint: "Create it, by hand or with `waybill topology apply`; or allow createTopics; or correct prefix or names.",
  },
  WB_KAFKA_CALL: {
    sentence: (p: { doing: string; what: string; answer: string; kind: string; advice: string }) =>
      `${p.doing} ${p.what} failed: ${p.answer}.`,
    hint: (p: { kind: string; advice: string }) => `This is of the kind ${p.kind}: ${p.advice}.`,
  },
  WB_KAFKA_TOKEN: {
    sentence: (p: { problem: string }) => `kafka: the function sasl.token gave no token: ${p.problem}.`,
    hint: "It is asked for each connection, and again before a sign-in ends. The cause is what it threw.",
  },
  WB_KAFKA_TOO_LARGE: {
    sentence: (p: { id: string; bytes: number; maxBytes: number; topic: string }) =>
      `The message ${p.id} takes ${p.bytes} bytes, and topic ${p.topic} takes ${p.maxBytes}.`,
    hint: "Send less, publish a reference to it, or raise max.message.bytes of the topic.",
  },
  WB_KAFKA_UNSUPPORTED: {
    sentence: (p: { what: string }) => `Kafka cannot ${p.what}.`,
    hint: "Core does without it by itself: capabilities say so.",
  },
  WB_KAFKA_LOST: {
    sentence: (p: { id: string; lane: string }) => `The message ${p.id} of ${p.lane} is no longer this member's.`,
    hint: "The partition has moved, and whoever has it now gets the message again. Nothing is to be done.",
  },
  WB_KAFKA_REBALANCING: {
    sentence: (p: { group: string }) => `The group ${p.group} is coming together anew, and took no commit.`,
    hint: "It is told again in a moment, unless the partition has moved by then.",
  },
  WB_KAFKA_STALLED: {
    sentence: (p: { group: string; sessionTimeoutMs: number }) =>
      `The brokers have not heard of this member of ${p.group} for ${p.sessionTimeoutMs} ms: its partitions are others' now.`,
    hint: "It joins again by itself. If it happens often: does something block the event loop, or is the network cut?",
  },
  WB_KAFKA_UNREAD: {
    sentence: (p: { group: string; partitions: readonly string[] }) =>
      `${p.group} has not been able to read ${p.partitions.slice(0, 5).join(", ")}${p.partitions.length > 5 ? ` and ${p.partitions.length - 5} more` : ""} for some seconds.`,
    hint: "Have these partitions a leader, does its broker answer, and do the brokers hold this client to a quota? The other partitions are read meanwhile, and these as soon as they can be.",
  },
  WB_KAFKA_ENDED: {
    sentence: (p: { group: string }) => `The membership in ${p.group} has ended.`,
    hint: "It is joined again by itself; what was not committed is delivered again.",
  },
  WB_KAFKA_CODEC: {
    sentence: (p: { group: string; problem: string }) =>
      `A producer has compressed records that ${p.group} reads in a way that kafkajs cannot undo: ${p.problem}.`,
    hint: 'Install the package that is named beside @waybill/kafka ("snappy" or "lz4-napi"); or set engine: "platformatic", which reads every codec. Nothing is skipped meanwhile.',
  },
  WB_KAFKA_GAP: {
    sentence: (p: { lane: string; expected: string }) =>
      `${p.lane} was to go on at offset ${p.expected}, which the broker does not have.`,
    hint: "Retention has removed what this subscription had not read yet, or the topic was made anew. It goes on from the first record there is.",
  },
  WB_KAFKA_CLOSED: {
    sentence: (p: { what: string }) => `The kafka ${p.what} is closed.`,
    hint: "Open a new one; a closed one takes nothing more.",
  },
};

/** Every error that this adapter raises itself. None of them ever repeats a password, token or connection string. */
export const kafkaErrors: ReturnType<typeof defineErrors<typeof table>> = defineErrors(table);
