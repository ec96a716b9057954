#!/usr/bin/env node
import { existsSync } from "node:fs";
import * as modules from "node:module";

const { engines } = modules.createRequire(import.meta.url)("../package.json");
const [[major, minor], [needed, neededMinor]] = [process.versions.node, engines.node.slice(2)].map((version) =>
  version.split(".").map(Number),
);
if (major < needed || (major === needed && minor < neededMinor)) {
  console.error(`waybill needs Node ${engines.node.slice(2)} or newer, and this is ${process.versions.node}.`);
  process.exit(2);
}

// In a checkout of the repository there may be no build: then the sources run as they are.
const source = new URL("../src/main.ts", import.meta.url);
if (existsSync(source)) {
  modules.registerHooks({
    resolve: (specifier, context, next) =>
      next(specifier, { ...context, conditions: ["waybill-source", ...context.conditions] }),
  });
}
await import(existsSync(source) ? source.href : new URL("../dist/main.js", import.meta.url).href);
