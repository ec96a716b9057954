import type { Settings } from "../../options.ts";
import type { KafkaEngine } from "../engine.ts";
import { createAdmin } from "./admin.ts";
import { openConsumer } from "./consumer.ts";
import { loadLibrary } from "./library.ts";
import { openProducer } from "./producer.ts";

export async function platformaticEngine(settings: Settings): Promise<KafkaEngine> {
  const library = await loadLibrary();
  return {
    admin: createAdmin(library, settings),
    openProducer: async () => openProducer(library, settings),
    openConsumer: (options) => openConsumer(library, settings, options),
  };
}
