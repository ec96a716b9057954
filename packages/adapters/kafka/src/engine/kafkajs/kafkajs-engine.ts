import type { Settings } from "../../options.ts";
import type { KafkaEngine } from "../engine.ts";
import { createAdmin } from "./admin.ts";
import { registerCodecs } from "./codecs.ts";
import { openConsumer } from "./consumer.ts";
import { openProducer } from "./producer.ts";

export function kafkajsEngine(settings: Settings): KafkaEngine {
  registerCodecs();
  return {
    admin: createAdmin(settings),
    openProducer: () => openProducer(settings),
    openConsumer: (options) => openConsumer(settings, options),
  };
}
