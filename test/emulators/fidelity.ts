import { readdirSync, readFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const README = "packages/emulators/README.md";
const FOLDERS = ["test/integration", "test/chaos", "packages/emulators/src"];

const SECTIONS = { "service-bus": "Service Bus", "event-hubs": "Event Hubs", "event-grid": "Event Grid" } as const;
export type Section = keyof typeof SECTIONS;

/** What no test can prove, because it is not there: refused, or ignored. */
const ABSENT: Readonly<Record<Section, readonly string[]>> = {
  "service-bus": [
    "partitioned entities: only the key of duplicate detection and the size are different",
    "Premium: the tier is always Standard",
    "transactions, `viaPartitionKey`: refused (the JavaScript SDK has none)",
    "geo-replication and disaster recovery",
  ],
  "event-hubs": ["the Kafka endpoint; Capture; schema registry"],
  "event-grid": [
    "creating topics and subscriptions through Azure's management interface: they come from options, a file or `control`",
    "MQTT",
  ],
};

/** A comment above a test: `// fidelity service-bus: peek`, or `// fidelity service-bus partial: tokens — everyone is let in`. */
const TAG = /^\s*\/\/ fidelity ([a-z-]+)( partial)?: (.+)$/;
const TEST = /^\s*(?:it|describe)(\.[a-z.]+)?\(/;

interface Row {
  readonly section: Section;
  readonly isPartial: boolean;
  readonly operation: string;
  /** Test files, from the root, and how many tests in each. */
  readonly proofs: Map<string, number>;
}

function* testFiles(folder: string): Generator<string> {
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* testFiles(path);
    else if (entry.name.endsWith(".test.ts")) yield path;
  }
}

/** Rows in the order of their first tag. Throws on a tag that is not above a test, or is above one that is not run. */
export function readRows(files: Iterable<readonly [path: string, text: string]>): Row[] {
  const rows = new Map<string, Row>();
  for (const [path, text] of files) {
    const lines = text.split("\n");
    for (const [at, line] of lines.entries()) {
      const [, section = "", partial, operation = ""] = TAG.exec(line) ?? [];
      if (section === "") continue;
      if (!Object.hasOwn(SECTIONS, section)) throw new Error(`${path}:${at + 1}: there is no emulator '${section}'.`);
      const test = TEST.exec(lines.slice(at + 1).find((next) => !TAG.test(next)) ?? "");
      if (test === null) throw new Error(`${path}:${at + 1}: the tag stands above no test.`);
      if (/skip|todo/.test(test[1] ?? "")) throw new Error(`${path}:${at + 1}: the test is not run.`);
      const key = `${section}: ${operation}`;
      const row = rows.get(key) ?? {
        section: section as Section,
        isPartial: partial !== undefined,
        operation,
        proofs: new Map(),
      };
      rows.set(key, row);
      row.proofs.set(path, (row.proofs.get(path) ?? 0) + 1);
    }
  }
  return [...rows.values()];
}

function tables(rows: readonly Row[]): string {
  const link = (path: string) => {
    const name = basename(path, ".test.ts").replace(/^emulator-/, "");
    return `[${name}](${relative("packages/emulators", path)})`;
  };
  return Object.entries(SECTIONS)
    .map(([section, title]) => {
      const own = rows.filter((row) => row.section === section);
      const sorted = [...own.filter(({ isPartial }) => !isPartial), ...own.filter(({ isPartial }) => isPartial)];
      const lines = sorted.map(({ operation, isPartial, proofs }) => {
        const links = [...proofs].map(([path, count]) => `${link(path)}${count > 1 ? ` (${count})` : ""}`);
        return `| ${operation} | ${isPartial ? "partial" : "faithful"} | ${links.join(", ")} |`;
      });
      const absent = ABSENT[section as Section].map((operation) => `| ${operation} | absent | |`);
      return [`### ${title}`, "", "| operation | | proven by |", "| --- | --- | --- |", ...lines, ...absent].join("\n");
    })
    .join("\n\n");
}

const BEGIN = "<!-- made by `npx pnpm@12 fidelity` from the comments above tests -->";
const END = "<!-- end -->";

/** The rows that tests prove. */
export function provenRows(): Row[] {
  const paths = FOLDERS.flatMap((folder) => [...testFiles(folder)]).sort();
  return readRows(paths.map((path) => [path, readFileSync(join(ROOT, path), "utf8")] as const));
}

/** The README as it is, and as it should be. */
export function fidelity(): { readonly file: string; readonly is: string; readonly should: string } {
  const rows = provenRows();
  const file = join(ROOT, README);
  const is = readFileSync(file, "utf8");
  const [begin, end] = [is.indexOf(BEGIN), is.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${README} has no place for the tables.`);
  return { file, is, should: `${is.slice(0, begin)}${BEGIN}\n\n${tables(rows)}\n\n${is.slice(end)}` };
}
