export { freePorts } from "./free-ports.ts";
export { kafkaJars } from "./jars.ts";
export { findJava } from "./java.ts";
export { KafkaUnavailable } from "./kafka-unavailable.ts";
export { KAFKA_VERSIONS, kafkaVersion } from "./kafka-version.ts";
export { type KafkaOptions, type RunningKafka, startKafka } from "./start-kafka.ts";
