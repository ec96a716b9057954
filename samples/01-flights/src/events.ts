import { defineEvent, defineTopic } from "@waybill/core";
import { z } from "zod";

/** Control characters, halves of surrogate pairs and non-characters: CloudEvents allows them in no attribute, and the origin is the key. */
const NOT_TEXT = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u;

/** At most what the strictest broker takes as a key. */
const airport = z
  .string()
  .min(1)
  .max(128)
  .refine((code) => !NOT_TEXT.test(code), { error: "has characters that no key can have" });

/** One row of the recorded file. Other members are dropped; what this refuses is no flight and is never published. */
export const recordedFlight = z.object({
  date: z.string().min(1).max(64),
  /** Minutes, negative when early. Any finite number. */
  delay: z.number(),
  /** Miles. */
  distance: z.number(),
  origin: airport,
  destination: airport,
});

export type RecordedFlight = z.infer<typeof recordedFlight>;

export const flightDeparted = defineEvent(
  "flight.departed",
  recordedFlight.extend({
    /** From 1, in the order of the file. */
    flight: z.int().min(1),
    /** The how-manieth departure of its airport, from 1: lets a consumer see whether it gets them in order. */
    departure: z.int().min(1),
  }),
);

export const flights = defineTopic("flights", [flightDeparted]);
