import { platformaticErrors } from "../kafka/captured-errors.fixture.ts";
import { kafkaConformance } from "../kafka/conformance.fixture.ts";

kafkaConformance({ name: "kafka, engine platformatic", engine: "platformatic", captured: platformaticErrors });
