#!/usr/bin/env node
import { existsSync } from "node:fs";
import { registerHooks } from "node:module";

// In a checkout of the repository there may be no build: then the sources run as they are.
const source = new URL("../src/main.ts", import.meta.url);
if (existsSync(source)) {
  registerHooks({
    resolve: (specifier, context, next) =>
      next(specifier, { ...context, conditions: ["source", ...context.conditions] }),
  });
}
await import(existsSync(source) ? source.href : new URL("../dist/main.js", import.meta.url).href);
