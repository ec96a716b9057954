import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { pathToFileURL } from "node:url";
import { type ErrorCode, LineCounter, parseDocument } from "yaml";
import { configErrors } from "./config-errors.ts";
import { isPlainObject } from "./plain-object.ts";

// c12 was the library of choice and does not fit: it layers environments (`$production`), follows `extends` to other folders and the
// network, looks into `.config/`, and merges arrays of all layers. One file must mean what stands in it, and a syntax error
// must not print the line, which may hold a secret.

/** Reads a config file as it stands: no schema, no environment. A `.ts` file is imported, its types stripped by Node. */
export async function readConfigFile(file: string): Promise<Record<string, unknown>> {
  const content = /^\.[cm]?[jt]s$/.test(extname(file)) ? await importDefault(file) : await parseText(file);
  if (!isPlainObject(content)) {
    throw configErrors.WB_CONFIG_UNREADABLE({
      file,
      problem: "it holds no object with keys such as source and brokers",
    });
  }
  return content;
}

async function importDefault(file: string): Promise<unknown> {
  try {
    const module: { default?: unknown } = await import(pathToFileURL(file).href);
    // A copy, so that overrides never reach the module's own object; structuredClone would refuse functions.
    return isPlainObject(module.default) ? copy(module.default) : module.default;
  } catch (error) {
    const problem = error instanceof Error ? `${error.name}: ${error.message.split("\n")[0]}` : "importing it failed";
    throw configErrors.WB_CONFIG_UNREADABLE({ file, problem }, error);
  }
}

async function parseText(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw configErrors.WB_CONFIG_UNREADABLE(
      { file, problem: (error as NodeJS.ErrnoException).code ?? "no access" },
      error,
    );
  }
  // Editors on Windows put a byte order mark in front.
  const content = text.replace(/^\ufeff/, "");
  const { value, problem } = extname(file) === ".json" ? parseJson(content) : parseYaml(content);
  if (problem !== undefined) throw configErrors.WB_CONFIG_UNREADABLE({ file, problem });
  return value;
}

type Parsed = { readonly value?: unknown; readonly problem?: string | undefined };

function parseJson(text: string): Parsed {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text around the error, so neither it nor the error goes further.
    const problem = yamlProblem(text) ?? "it is no JSON (comments and trailing commas are not allowed)";
    return { problem };
  }
  // Of two keys of one name JSON takes the last in silence.
  return { value, problem: yamlProblem(text, "DUPLICATE_KEY") };
}

function parseYaml(text: string): Parsed {
  const problem = yamlProblem(text);
  if (problem !== undefined) return { problem };
  try {
    const value: unknown = parseDocument(text).toJS();
    return hasCycle(value) ? { problem: "an alias stands inside what it names" } : { value };
  } catch {
    return { problem: "an alias (*name) names no anchor (&name) before it, or aliases multiply beyond measure" };
  }
}

function yamlProblem(text: string, code?: ErrorCode): string | undefined {
  const lines = new LineCounter();
  const { errors } = parseDocument(text, { prettyErrors: false, lineCounter: lines });
  const error = errors.find((one) => code === undefined || one.code === code);
  if (error === undefined) return undefined;
  const { line, col } = lines.linePos(error.pos[0]);
  return `${error.code.toLowerCase().replaceAll("_", " ")} at line ${line}, column ${col}`;
}

function hasCycle(value: unknown, above: readonly unknown[] = []): boolean {
  if (typeof value !== "object" || value === null) return false;
  return above.includes(value) || Object.values(value).some((inner) => hasCycle(inner, [...above, value]));
}

function copy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copy);
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copy(inner)]));
}
