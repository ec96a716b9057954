import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";
import { type Import, importsOf, ROOT, sourceFiles } from "./imports.ts";

/**
 * The arrows of the house: what a package may import of ours. They never run the other way.
 *
 *     waybill (cli)  sidecar  ──►  config  ──►  outbox   adapters/*   claim-check  ──►  core
 *        └──► emulators            conformance ──► core      emulators ──► nothing of ours
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "packages/core": [],
  "packages/emulators": [],
  "packages/adapters/memory": ["@waybill/core"],
  "packages/adapters/storage-queue": ["@waybill/core"],
  "packages/adapters/service-bus": ["@waybill/core"],
  "packages/adapters/event-hubs": ["@waybill/core"],
  "packages/adapters/event-grid": ["@waybill/core"],
  "packages/adapters/kafka": ["@waybill/core"],
  "packages/conformance": ["@waybill/core"],
  "packages/outbox": ["@waybill/core"],
  "packages/claim-check": ["@waybill/core"],
  "packages/config": ["@waybill/core", "@waybill/outbox"],
  "packages/cli": ["@waybill/core", "@waybill/outbox", "@waybill/config", "@waybill/emulators"],
};

/** Inside core, a folder may use those before it at run time. Types may point at any, if not in a circle: they are gone when it runs. */
const CORE_LAYERS = [
  "errors",
  "clock",
  "spi",
  "codec",
  "policies",
  "events",
  "observe",
  "claim-check",
  "publish",
  "consume",
  "dead-letters",
  "bus",
  "index",
  "testing",
];

const packageOf = (specifier: string) =>
  specifier.startsWith("@") ? specifier.split("/").slice(0, 2).join("/") : specifier.split("/")[0]!;
const isOurs = (specifier: string) => /^(@waybill\/|waybill(\/|$))/.test(specifier);
/** Tests and what they alone use: `*.test.ts`, `*.fixture.ts`, `*.test.<what>.ts`. None of it is published. */
const isTest = (file: string) => /\.(test|fixture)\.(\w+\.)?ts$/.test(file);
const say = ({ file, line, specifier }: Import) => `${file}:${line} imports ${specifier}`;

function violations(folder: string, imports: readonly Import[]): string[] {
  const own = (JSON.parse(readFileSync(join(ROOT, folder, "package.json"), "utf8")) as { name: string }).name;
  const bad: string[] = [];
  for (const one of imports) {
    if (one.specifier.startsWith(".")) {
      const target = normalize(join(dirname(one.file), one.specifier));
      if (!target.startsWith(`${folder}/`)) bad.push(`${say(one)}, outside its package`);
      else if (!existsSync(join(ROOT, target))) bad.push(`${say(one)}, which does not exist`);
    } else if (isOurs(one.specifier)) {
      const name = packageOf(one.specifier);
      if (name !== own && !MAY_IMPORT[folder]!.includes(name)) bad.push(`${say(one)}: this arrow does not exist`);
    }
  }
  return bad;
}

describe("the arrows between packages", () => {
  for (const folder of Object.keys(MAY_IMPORT)) {
    it(`${folder} imports only what it may`, () => {
      const files = sourceFiles(folder).filter((file) => !isTest(file));
      expect(files.length).toBeGreaterThan(0);
      expect(files.flatMap((file) => violations(folder, importsOf(file)))).toEqual([]);
    });
  }

  it("names every package", () => {
    const folders = sourceFiles("packages").map((file) => file.split("/src/")[0]!.split("/bin/")[0]!);
    expect([...new Set(folders)].sort()).toEqual(Object.keys(MAY_IMPORT).sort());
  });

  it("sees a wrong arrow", () => {
    const text = 'import { memory } from "@waybill/memory";\nimport x from "../../core/src/bus.ts";\n';
    const seen = violations(
      "packages/adapters/storage-queue",
      importsOf("packages/adapters/storage-queue/src/x.ts", text),
    );
    expect(seen).toHaveLength(2);
    expect(seen[0]).toContain("packages/adapters/storage-queue/src/x.ts:1 imports @waybill/memory");
  });
});

describe("the layers of core", () => {
  const layerOf = (file: string) => {
    const path = file.replace("packages/core/src/", "").replace(/\.ts$/, "");
    return CORE_LAYERS.indexOf(CORE_LAYERS.includes(path) ? path : path.split("/")[0]!);
  };
  /** `spi/index.ts` is a door, not a layer: it gathers what adapters need. */
  const isDoor = (file: string) => file === "packages/core/src/spi/index.ts";

  it("run one way", () => {
    const bad: string[] = [];
    for (const file of sourceFiles("packages/core/src").filter((one) => !isTest(one) && !isDoor(one))) {
      expect(layerOf(file), file).toBeGreaterThanOrEqual(0);
      for (const one of importsOf(file)) {
        if (one.typeOnly || !one.specifier.startsWith(".")) continue;
        const target = normalize(join(dirname(file), one.specifier));
        if (layerOf(target) > layerOf(file)) bad.push(say(one));
      }
    }
    expect(bad).toEqual([]);
  });
});

/** Each circle as a walk along its imports. */
function circles(imports: ReadonlyMap<string, readonly Import[]>): string[] {
  const done = new Set<string>();
  const found: string[] = [];
  const walk = (file: string, path: readonly string[]) => {
    if (path.includes(file)) found.push([...path.slice(path.indexOf(file)), file].join(" → "));
    if (path.includes(file) || done.has(file)) return;
    for (const { specifier } of imports.get(file) ?? []) {
      if (specifier.startsWith(".")) walk(normalize(join(dirname(file), specifier)), [...path, file]);
    }
    done.add(file);
  };
  for (const file of imports.keys()) walk(file, []);
  return found;
}

describe("files", () => {
  const files = ["packages", "samples", "test"].flatMap(sourceFiles);

  it("import nothing in a circle, types included", () => {
    const edges = new Map(files.map((file) => [file, importsOf(file)]));
    expect(circles(edges)).toEqual([]);
    const file = (name: string, text: string) => [name, importsOf(name, text)] as const;
    const x = file("a/x.ts", 'import type { Y } from "./b/y.ts";');
    expect(circles(new Map([x, file("a/b/y.ts", 'export type { X } from "../x.ts";')]))).toEqual([
      "a/x.ts → a/b/y.ts → a/x.ts",
    ]);
  });

  it("are no drawers", () => {
    expect(files.filter((file) => /(^|\/)(utils?|helpers?|types|interfaces|common|misc|lib)\.ts$/.test(file))).toEqual(
      [],
    );
  });

  it("await nothing at the top level of a published module, so that require() works", () => {
    const bad = Object.keys(MAY_IMPORT)
      .filter((folder) => folder !== "packages/cli")
      .flatMap((folder) => sourceFiles(folder))
      .filter(
        (file) =>
          !isTest(file) &&
          /^(?:await |const [^=]+= await |export const [^=]+= await )/m.test(readFileSync(join(ROOT, file), "utf8")),
      );
    expect(bad).toEqual([]);
  });
});
