import { kafkaErrors } from "../../errors.ts";
import type { Settings } from "../../options.ts";
import type { KafkaEngine } from "../engine.ts";
import { createAdmin } from "./admin.ts";
import { openConsumer } from "./consumer.ts";
import { openProducer } from "./producer.ts";

export type Library = typeof import("@platformatic/kafka");

/** Loads `@platformatic/kafka`, which users of kafkajs need not have. */
export async function platformaticEngine(settings: Settings): Promise<KafkaEngine> {
  const library = await load();
  return {
    admin: createAdmin(library, settings),
    openProducer: async () => openProducer(library, settings),
    openConsumer: (options) => openConsumer(library, settings, options),
  };
}

async function load(): Promise<Library> {
  try {
    return await import("@platformatic/kafka");
  } catch (error) {
    const { code } = error as { code?: unknown };
    const problem =
      code === "ERR_MODULE_NOT_FOUND"
        ? "its package @platformatic/kafka is not installed"
        : `its package did not load on Node ${process.versions.node}`;
    throw kafkaErrors.WB_KAFKA_ENGINE({ engine: "platformatic", problem }, error);
  }
}
