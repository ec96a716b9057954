import { kafkajsErrors } from "../kafka/captured-errors.fixture.ts";
import { kafkaConformance } from "../kafka/conformance.fixture.ts";

kafkaConformance({ name: "kafka", engine: "kafkajs", captured: kafkajsErrors });
