import { parseArgs } from "node:util";
import { type BenchOptions, machine, type Result } from "./result.ts";

/** `npx pnpm@12 bench NAME [PART…] [--quick|--full] [--json]`. Figures go to stdout, progress to stderr; with --json the last line of stdout is one JSON object. */
const BENCHES: Readonly<Record<string, () => Promise<{ run: (options: BenchOptions) => Promise<Result[]> }>>> = {
  core: () => import("./core.bench.ts"),
  outbox: () => import("./outbox.bench.ts"),
  emulators: () => import("./emulators.bench.ts"),
  inbox: () => import("./inbox.bench.ts"),
  adapters: () => import("./adapters.bench.ts"),
};

const USAGE = `Usage: npx pnpm@12 bench ${Object.keys(BENCHES).join("|")} [PART…] [--quick|--full] [--json]`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    full: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
const [name = "core", ...only] = positionals;
const load = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
if (values.help || load === undefined) {
  console.error(values.help ? USAGE : `There is no benchmark ${JSON.stringify(name)}. ${USAGE}`);
  process.exit(values.help ? 0 : 2);
}

const { run } = await load();
const results = await run({ quick: values.quick, full: values.full, only, progress: (line) => console.error(line) });
if (values.json) console.log(JSON.stringify({ results, machine: machine() }));
else {
  console.table(results.map(({ name: what, value, unit, aim }) => ({ what, value, unit, aim: aim ?? "" })));
  console.log(machine());
}
