import { kafkajsErrors } from "../kafka/captured-errors.fixture.ts";
import { kafkaConformance } from "../kafka/conformance.fixture.ts";

// The last line before 4.0. (Where `WAYBILL_TEST_KAFKA` names a broker, it is that one once more.)
kafkaConformance({ name: "kafka 3.9", engine: "kafkajs", version: "3.9", captured: kafkajsErrors });
