import { dirname, relative } from "node:path";
import { configErrors } from "./config-errors.ts";
import { contradictionsIn } from "./contradictions.ts";
import { type Document, getAt, leaves, setAt } from "./document.ts";
import { environmentOverrides } from "./environment.ts";
import { findFile } from "./find-file.ts";
import { type Interpolated, interpolate } from "./interpolate.ts";
import { type DescribedValue, describe, type Origin } from "./origin.ts";
import { readConfigFile } from "./read-file.ts";
import { type ResolvedConfig, resolveConfig } from "./resolve-config.ts";
import { secretTexts, withoutSecrets } from "./secrets.ts";
import { expandShortForms, ONLY_BROKER } from "./short-forms.ts";
import { problemsIn } from "./validate.ts";

export interface LoadOptions {
  /** Where the search for a file begins. Default: the working directory. */
  readonly cwd?: string | undefined;
  /** This file and no search. Default: WAYBILL_CONFIG, else the nearest `waybill.config.{ts,json,yaml,yml}`. */
  readonly file?: string | undefined;
  /** Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** What wins over everything, by dotted path: `{ "relay.batch": 100 }`. Text becomes a number where one is asked for. */
  readonly overrides?: Readonly<Record<string, unknown>> | undefined;
}

export interface LoadedConfig {
  readonly config: ResolvedConfig;
  readonly file: string;
  /** Relative paths in the file count from here. */
  readonly folder: string;
  /** Every value that was given or defaulted here, in the file's order, with its origin; secrets masked. */
  readonly values: readonly DescribedValue[];
  /** Texts that must not be printed. */
  readonly secrets: readonly string[];
}

/**
 * Finds, reads and checks the configuration: flags (`overrides`) over environment over file over defaults. Rejects with a
 * `WB_CONFIG_…` error that names all problems at once and repeats no value. Connects to nothing.
 */
export async function loadConfig(options: LoadOptions = {}): Promise<LoadedConfig> {
  const { cwd = process.cwd(), env = process.env } = options;
  const file = findFile({ cwd, file: options.file, env });
  const title = relative(cwd, file).startsWith("..") ? file : relative(cwd, file);
  const expanded = expandShortForms(await readConfigFile(file));
  const shown = (path: string) =>
    expanded.short && path.startsWith(`brokers.${ONLY_BROKER}`)
      ? path.replace(`brokers.${ONLY_BROKER}`, "broker")
      : path;

  const full = (path: string) => (expanded.short ? path.replace(/^broker\./, `brokers.${ONLY_BROKER}.`) : path);
  const flags = Object.fromEntries(Object.entries(options.overrides ?? {}).map(([path, value]) => [full(path), value]));
  const overrides = overridesOf(expanded.document, env, flags);
  const { document, interpolated, missing } = interpolate(expanded.document, env, new Set(overrides.values.keys()));
  if (missing.length > 0) {
    const variables = missing.map(({ name, path }) => ({ name, path: shown(path) }));
    throw configErrors.WB_CONFIG_VARIABLE_MISSING({ file: title, variables });
  }
  for (const [path, { value }] of overrides.values) override(document, path, value);

  const isText = (path: string) => overrides.values.has(path) || interpolated.has(path);
  const problems = [...expanded.problems, ...overrides.problems, ...problemsIn(document, isText, shown)];
  if (problems.length === 0) problems.push(...contradictionsIn(document));
  if (problems.length > 0) {
    // A connection string in a key's place.
    throw configErrors.WB_CONFIG_INVALID({ file: title, problems: problems.map((one) => withoutSecrets(one, [])) });
  }

  const config = resolveConfig(document);
  const values = describeAll(document, config, overrides.values, interpolated);
  return { config, file, folder: dirname(file), values, secrets: secretTexts(document) };
}

type Overrides = ReadonlyMap<string, { value: unknown; origin: Origin }>;

function overridesOf(
  document: Document,
  env: NodeJS.ProcessEnv,
  flags: Readonly<Record<string, unknown>>,
): { values: Overrides; problems: string[] } {
  const { overrides, problems } = environmentOverrides(document, env);
  const values = new Map<string, { value: unknown; origin: Origin }>();
  for (const [path, { value, variable }] of overrides) {
    values.set(path, { value, origin: { from: "environment", variables: [variable] } });
  }
  for (const [path, value] of Object.entries(flags)) {
    if (value !== undefined) values.set(path, { value, origin: { from: "flag", variables: [] } });
  }
  return { values, problems };
}

/** `lease` and `leaseMs` are one option: what overrides one takes the other away. */
function override(document: Document, path: string, value: unknown): void {
  const twin = path.endsWith("Ms") ? path.slice(0, -2) : `${path}Ms`;
  if (getAt(document, twin) !== undefined) setAt(document, twin, undefined);
  setAt(document, path, value);
}

function describeAll(
  document: Document,
  config: ResolvedConfig,
  overrides: Overrides,
  interpolated: Interpolated,
): DescribedValue[] {
  const values = [...leaves(document)].map(({ path, value }) => {
    const origin = overrides.get(path)?.origin ?? { from: "file" as const, variables: interpolated.get(path) ?? [] };
    return describe(path, value, origin);
  });
  for (const [topic, { broker }] of Object.entries(config.topics)) {
    const path = `topics.${topic}.broker`;
    if (getAt(document, path) === undefined) values.push(describe(path, broker, { from: "default", variables: [] }));
  }
  return values;
}
