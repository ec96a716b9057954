import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import fc from "fast-check";
import { expect, it } from "vitest";
import { partitionOfKey } from "./partition-hash.ts";

/** The SDK's own mapping, which is not exported: read from its file. */
async function sdkMapping(): Promise<(key: string, count: number) => number> {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "node_modules/@azure/event-hubs"))) folder = dirname(folder);
  const root = realpathSync(join(folder, "node_modules/@azure/event-hubs"));
  const module = await import(pathToFileURL(join(root, "dist/esm/impl/partitionKeyToIdMapper.js")).href);
  return module.mapPartitionKeyToId;
}

it("puts every key where the SDK puts it", async () => {
  const mapping = await sdkMapping();
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 80 }), fc.integer({ min: 1, max: 1024 }), (key, count) => {
      expect(partitionOfKey(key, count)).toBe(mapping(key, count));
    }),
    { numRuns: 20_000 },
  );
});

it("uses every partition", () => {
  const hit = new Set(Array.from({ length: 500 }, (_, at) => partitionOfKey(`key-${at}`, 32)));
  expect(hit.size).toBe(32);
});
