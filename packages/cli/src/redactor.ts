import { withoutSecrets } from "@waybill/config";

const SECRET_VARIABLE = /CONNECTION|SECRET|PASSWORD|PASSWD|TOKEN|CREDENTIAL|SAS|KEY/i;
/** Shorter values are more often a word than a secret. */
const MIN_SECRET = 8;

/** Takes secrets out of everything that is printed. */
export interface Redactor {
  clean(text: string): string;
  add(secrets: readonly string[]): void;
}

/** Knows the values of variables that are named like secrets from the start, so that a failure before the config is read is covered. */
export function createRedactor(env: NodeJS.ProcessEnv): Redactor {
  const known = new Set<string>();
  for (const [name, value = ""] of Object.entries(env)) {
    if (SECRET_VARIABLE.test(name) && value.length >= MIN_SECRET) known.add(value);
  }
  const longestFirst = () => [...known].sort((a, b) => b.length - a.length);
  let ordered = longestFirst();
  return {
    clean: (text) => withoutSecrets(text, ordered),
    add: (secrets) => {
      for (const secret of secrets) known.add(secret);
      ordered = longestFirst();
    },
  };
}
