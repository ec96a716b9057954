import type { Settings } from "../options.ts";
import type { KafkaEngine } from "./engine.ts";

/** Loads the client library that was chosen, and no other. */
export async function loadEngine(settings: Settings): Promise<KafkaEngine> {
  const { kafkajsEngine } = await import("./kafkajs/kafkajs-engine.ts");
  return kafkajsEngine(settings);
}
