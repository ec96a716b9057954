import type { Settings } from "../../options.ts";
import type { KafkaEngine } from "../engine.ts";
import { createAdmin } from "./admin.ts";
import { createClient } from "./client.ts";
import { registerCodecs } from "./codecs.ts";
import { openConsumer } from "./consumer.ts";
import { openProducer } from "./producer.ts";

export function kafkajsEngine(settings: Settings): KafkaEngine {
  registerCodecs();
  const kafka = createClient(settings);
  return {
    admin: createAdmin(kafka, settings),
    openProducer: () => openProducer(kafka, settings),
    openConsumer: (options) => openConsumer(kafka, settings, options),
  };
}
