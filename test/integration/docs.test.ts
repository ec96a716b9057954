import { execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { type RunningMariadb, startMariadb } from "../mariadb/start-mariadb.ts";
import { testPostgres } from "../postgres/test-postgres.ts";
import { startOrSkip } from "../servers/unavailable.ts";

const ROOT = join(import.meta.dirname, "../..");
const PAGES = [
  "README.md",
  ...["packages", "packages/adapters"].flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .map((name) => `${folder}/${name}/README.md`)
      .filter((page) => existsSync(join(ROOT, page))),
  ),
  ...readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" }).map((name) => `docs/${name}`),
]
  .filter((name) => name.endsWith(".md"))
  .sort();

/** Of services that are not there: adapters connect when they are first used. */
const KEY = "Endpoint=sb://localhost;SharedAccessKeyName=a;SharedAccessKey=YQ==;UseDevelopmentEmulator=true";
const SETTINGS = {
  STORAGE_CONNECTION: "UseDevelopmentStorage=true",
  SERVICE_BUS_CONNECTION: KEY,
  EVENT_HUBS_CONNECTION: KEY,
  EVENT_GRID_KEY: "YQ==",
  EVENT_GRID_SAS: "r=https%3A%2F%2Fshop&e=2100-01-01&s=YQ%3D%3D",
  WEBHOOK_SECRET: "a secret of the webhook",
  TENANT_ID: "00000000-0000-0000-0000-000000000000",
};

interface Program {
  readonly name: string;
  readonly code: string;
  /** From the comment `<!-- not run: … -->` on the line above. */
  readonly notRun: string | undefined;
}

/** The TypeScript of a page. */
function programs(page: string): Program[] {
  const blocks = readFileSync(join(ROOT, page), "utf8").matchAll(
    /(?:^<!-- not run: (.*) -->\n+)?^```ts\n([\s\S]*?)^```$/gm,
  );
  return [...blocks].map(([, notRun, code], index) => ({
    name: `${page}, block ${index + 1}${notRun === undefined ? "" : ` (not run: ${notRun})`}`,
    code: code!,
    notRun,
  }));
}

const ALL = PAGES.flatMap(programs);
const RUN = ALL.filter(({ notRun }) => notRun === undefined);

const postgres = await testPostgres("documentation");
const mariadb = await startOrSkip<RunningMariadb>("documentation", () => startMariadb());

/** Within the repository, so that the packages are found. */
const folder = join(ROOT, "test", `docs-${process.pid}.tmp`);
mkdirSync(folder);

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await mariadb?.stop();
  await postgres?.stop();
});

const fileOf = (index: number) => join(folder, `program-${index}.mts`);

/** Runs it as a reader would. */
async function run(file: string, env: NodeJS.ProcessEnv): Promise<{ exit: number | null; output: string }> {
  const data = mkdtempSync(join(tmpdir(), "waybill-docs-"));
  try {
    const child = spawn(process.execPath, ["--conditions=waybill-source", file], {
      cwd: data,
      env: { ...process.env, ...SETTINGS, ...env, DATA_DIR: data },
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk));
    const late = setTimeout(() => child.kill("SIGKILL"), 20_000);
    const exit = await new Promise<number | null>((resolve) => child.on("close", resolve));
    clearTimeout(late);
    return { exit, output };
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

describe("the programs in the documentation", () => {
  for (const [index, { code }] of RUN.entries()) writeFileSync(fileOf(index), code);

  it.for(RUN.map((program, index) => ({ ...program, index })))("run: $name", async ({ code, index }, { skip }) => {
    if (code.includes("DATABASE_URL") && postgres === undefined) skip();
    if (code.includes("MYSQL_URL") && mariadb === undefined) skip();
    const { exit, output } = await run(fileOf(index), {
      DATABASE_URL: code.includes("DATABASE_URL") ? await postgres!.database() : "",
      MYSQL_URL: code.includes("MYSQL_URL") ? await mariadb!.database() : "",
    });
    expect(output).not.toMatch(/Error/);
    expect(exit, output).toBe(0);
    const promised = [...code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, text]) => text!);
    for (const text of promised) expect(output).toContain(text);
  });

  it("pass the type checker of a reader", async () => {
    const compilerOptions = {
      noEmit: true,
      composite: false,
      exactOptionalPropertyTypes: false,
      noUnusedLocals: false,
      noUnusedParameters: false,
    };
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ extends: "../../tsconfig.base.json", compilerOptions, include: ["*.mts"] }),
    );
    const checked = await promisify(execFile)(join(ROOT, "node_modules/.bin/tsc"), ["-p", folder]).catch(
      ({ stdout }: { stdout: string }) => ({ stdout }),
    );
    expect(checked.stdout).toBe("");
  });

  it("are there", () => {
    expect(RUN.length).toBeGreaterThan(20);
  });
});
