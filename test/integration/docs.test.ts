import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const PAGES = [
  "README.md",
  ...readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" }).map((name) => `docs/${name}`),
]
  .filter((name) => name.endsWith(".md"))
  .sort();

/** Of an emulator that is not there: adapters connect when they are first used. */
const SERVICE_BUS_CONNECTION =
  "Endpoint=sb://localhost;SharedAccessKeyName=a;SharedAccessKey=YQ==;UseDevelopmentEmulator=true";

interface Program {
  readonly code: string;
  /** From the comment `<!-- not run: … -->` on the line above. */
  readonly notRun: string | undefined;
}

/** The code blocks of a page that are whole programs: TypeScript that begins with an import. Fragments are checked by people. */
function programs(page: string): Program[] {
  const blocks = readFileSync(join(ROOT, page), "utf8").matchAll(
    /(?:^<!-- not run: (.*) -->\n+)?^```ts\n([\s\S]*?)^```$/gm,
  );
  return [...blocks]
    .map(([, notRun, code]) => ({ code: code!, notRun }))
    .filter(({ code }) => code.startsWith("import "));
}

/** Runs it as a reader would, from within the repository, so that the packages are found. */
async function run(code: string): Promise<{ exit: number | null; output: string }> {
  const data = mkdtempSync(join(tmpdir(), "waybill-docs-"));
  const file = join(ROOT, "test", `docs-${process.pid}-${Math.random().toString(36).slice(2)}.tmp.mts`);
  writeFileSync(file, code);
  try {
    const child = spawn(process.execPath, ["--conditions=source", file], {
      cwd: data,
      env: { ...process.env, DATA_DIR: data, STORAGE_CONNECTION: "UseDevelopmentStorage=true", SERVICE_BUS_CONNECTION },
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk));
    const late = setTimeout(() => child.kill("SIGKILL"), 20_000);
    const exit = await new Promise<number | null>((resolve) => child.on("close", resolve));
    clearTimeout(late);
    return { exit, output };
  } finally {
    rmSync(file, { force: true });
    rmSync(data, { recursive: true, force: true });
  }
}

describe("the programs in the documentation run", () => {
  for (const page of PAGES) {
    for (const [index, { code, notRun }] of programs(page).entries()) {
      const name = `${page}, program ${index + 1}${notRun === undefined ? "" : ` (not run: ${notRun})`}`;
      it.skipIf(notRun !== undefined)(name, async () => {
        const { exit, output } = await run(code);
        expect(output).not.toMatch(/Error/);
        expect(exit, output).toBe(0);
        const promised = [...code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, text]) => text!);
        for (const text of promised) expect(output).toContain(text);
      });
    }
  }

  it("and there are some", () => {
    expect(PAGES.flatMap(programs).length).toBeGreaterThan(3);
  });
});
