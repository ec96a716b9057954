import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ROOT, sourceFiles } from "./imports.ts";

interface Row {
  readonly code: string;
  readonly package: string;
  readonly sentence: string;
  readonly hint: string;
}

const PRINTS: readonly (string | symbol)[] = [Symbol.toPrimitive, "toJSON", "toString", "join"];

/** Stands for any value of an error: prints as its own path, `{topic}`. What is called on it, such as `map`, answers it again. */
function placeholder(path: string): unknown {
  const text = () => `{${path}}`;
  return new Proxy(text, {
    get: (_, name) => (PRINTS.includes(name) ? text : placeholder(`${path}.${String(name)}`)),
    apply: () => placeholder(path.slice(0, path.lastIndexOf("."))),
  });
}

const values = new Proxy({}, { get: (_, name) => placeholder(String(name)) });

/** Every error table of every package, read from the code itself. */
async function rows(): Promise<Row[]> {
  const found: Row[] = [];
  for (const file of sourceFiles("packages")) {
    if (/\.test\.ts$/.test(file) || !/= defineErrors\(/.test(readFileSync(join(ROOT, file), "utf8"))) continue;
    const module = (await import(join(ROOT, file))) as Record<string, Record<string, (values: unknown) => Row>>;
    const { name } = JSON.parse(readFileSync(join(ROOT, `${file.split("/src/")[0]}/package.json`), "utf8")) as {
      name: string;
    };
    for (const table of Object.values(module)) {
      for (const [code, make] of Object.entries(table)) {
        const { sentence, hint } = make(values);
        found.push({ code, package: name, sentence, hint });
      }
    }
  }
  return found.sort((a, b) => a.code.localeCompare(b.code));
}

function page(all: readonly Row[]): string {
  const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");
  const lines = all.map((row) => `| \`${row.code}\` | ${row.package} | ${cell(row.sentence)} | ${cell(row.hint)} |`);
  return [
    "# Errors",
    "",
    "Every error of Waybill has a code that programs branch on, a sentence that says what happened, and a hint that says what to do next. This page is made from",
    "the error tables in the code by `npx pnpm@12 test --update`; a test keeps both equal.",
    "",
    "| Code | Package | What happened | What to do |",
    "| --- | --- | --- | --- |",
    ...lines,
    "",
  ].join("\n");
}

it("docs/errors.md says what the tables say", async () => {
  await expect(page(await rows())).toMatchFileSnapshot(join(ROOT, "docs/errors.md"));
});

it("no code is used twice, and all follow the pattern", async () => {
  const codes = (await rows()).map((row) => row.code);
  expect(codes.length).toBeGreaterThan(20);
  expect(codes.filter((code, index) => codes.indexOf(code) !== index)).toEqual([]);
  expect(codes.filter((code) => !/^WB_[A-Z0-9]+(_[A-Z0-9]+)*$/.test(code))).toEqual([]);
});

it("every hint is a sentence", async () => {
  expect(
    (await rows()).filter((row) => row.hint.length < 10 || !/[.!?…)]$/.test(row.hint)).map((row) => row.code),
  ).toEqual([]);
});
