import { z } from "zod";
import { fileSchema } from "./file-schema.ts";

/** The JSON Schema that `schema.json` holds; a test keeps both equal. Regenerate: `node --conditions=waybill-source packages/config/src/schema/write.ts`. */
export function configJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(fileSchema, { io: "input" }), title: "Waybill config" };
}
