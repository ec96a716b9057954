import type { WaybillConfig } from "./schema/file-schema.ts";

/** Gives a `waybill.config.ts` its types: `export default defineConfig({ … })`. Returns what it was given. */
export function defineConfig(config: WaybillConfig): WaybillConfig {
  return config;
}
