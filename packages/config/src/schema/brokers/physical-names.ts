import { z } from "zod";
import { name } from "../fields.ts";

/** What every broker takes: how its physical names are made. */
export const physicalNames = {
  prefix: name.optional().describe("Instead of the file's prefix, for this broker."),
  names: z
    .record(z.string(), z.string())
    .optional()
    .describe("Physical names set by hand, by logical name: orders, orders/billing, orders/billing/dead."),
};
