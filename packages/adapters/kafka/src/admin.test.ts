import { expect, it } from "vitest";
import { createAdmin } from "./admin.ts";
import { classify } from "./classify.ts";
import type { KafkaEngine } from "./engine/engine.ts";
import { checkOptions } from "./options.ts";

it("waits for a broker that takes the connection and says nothing no longer than a request may take", async () => {
  const silent = { admin: { partitionCount: () => new Promise(() => undefined) } } as unknown as KafkaEngine;
  const settings = { ...checkOptions({ brokers: "localhost:9092" }), requestTimeoutMs: 20 };
  const looking = createAdmin(async () => silent, settings).ensure("orders", "orders");
  const error = await looking.catch((error: unknown) => error);
  expect(String(error)).toMatch(/WB_KAFKA_CALL: Looking for topic orders failed: .*no answer within 20 ms/);
  expect(classify(error)).toBe("transient");
});

it("takes what kafkajs throws between two connections for something that passes", () => {
  expect(classify(new Error("Broker not connected"))).toBe("transient");
});
