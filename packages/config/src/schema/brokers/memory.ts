import { z } from "zod";
import { choice, count, durations } from "../fields.ts";
import { physicalNames } from "./physical-names.ts";

const LIKE = [
  "memory",
  "storage-queue",
  "service-bus",
  "service-bus-sessions",
  "event-grid",
  "event-grid-webhook",
  "event-hubs",
  "kafka",
] as const;

export const memory = z.strictObject({
  adapter: z.literal("memory").describe("In this process only, for tests and first steps."),
  like: choice(LIKE, "The broker to behave like. Default memory."),
  partitions: count(1, 10_000, "Partitions of a topic, or session buckets of a queue. Default 4, and 8 sessions."),
  retain: count(0, 1_000_000_000, "Messages of a partition that stay after every subscription has them. Default 0."),
  ...durations({ lease: "Length of a lease. Default: the broker's own that it is like." }),
  limits: z.record(z.string(), z.unknown()).optional().describe("Figures that differ by tier: maxMessageBytes, …"),
  ...physicalNames,
});
