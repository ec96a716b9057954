import type { Settings } from "../options.ts";
import type { KafkaEngine } from "./engine.ts";

/** Loads the client library that was chosen, and no other. */
export async function loadEngine(settings: Settings): Promise<KafkaEngine> {
  if (settings.engine === "platformatic") {
    const { platformaticEngine } = await import("./platformatic/platformatic-engine.ts");
    return platformaticEngine(settings);
  }
  const { kafkajsEngine } = await import("./kafkajs/kafkajs-engine.ts");
  return kafkajsEngine(settings);
}
