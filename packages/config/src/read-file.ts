import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { pathToFileURL } from "node:url";
import { LineCounter, parseDocument } from "yaml";
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
  if (extname(file) !== ".json") {
    const problem = yamlProblem(text);
    if (problem !== undefined) throw configErrors.WB_CONFIG_UNREADABLE({ file, problem });
    return parseDocument(text).toJS() as unknown;
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // The parser's own message quotes the text around the error, so neither it nor the error goes further.
    const problem = yamlProblem(text) ?? "it is no JSON (comments and trailing commas are not allowed)";
    throw configErrors.WB_CONFIG_UNREADABLE({ file, problem });
  }
}

function yamlProblem(text: string): string | undefined {
  const lines = new LineCounter();
  const [error] = parseDocument(text, { prettyErrors: false, lineCounter: lines }).errors;
  if (error === undefined) return undefined;
  const { line, col } = lines.linePos(error.pos[0]);
  return `${error.code.toLowerCase().replaceAll("_", " ")} at line ${line}, column ${col}`;
}

function copy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copy);
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copy(inner)]));
}
