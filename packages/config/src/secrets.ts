import { type Document, leaves } from "./document.ts";

const SECRET_KEY = /(connectionstring|key|secret|password|passphrase|passwd|pwd|token|credential|sas)s?$/i;
const SECRET_TEXT =
  /(?:accountkey|sharedaccesskey|sharedaccesssignature|password|pwd|sig)=([^;&\s]+)|(?:^|:\/\/)[^\s/:@]*:([^\s/@]+)@/gi;
const MASK = "********";
/** A shorter text would also be hidden where it stands for something else. */
const MIN_SECRET = 4;

function isSecret(path: string, value: unknown): boolean {
  if (Array.isArray(value)) return value.some((one) => isSecret(path, one));
  if (typeof value === "string" && value.search(SECRET_TEXT) !== -1) return true;
  return SECRET_KEY.test(path.split(".").at(-1) ?? "") && typeof value !== "number" && typeof value !== "boolean";
}

/** Plain values and lists of them. What is in an object inside a list has no path that could tell whether it is secret. */
function isData(value: unknown): boolean {
  if (Array.isArray(value)) return value.every((one) => isData(one) && (typeof one !== "object" || one === null));
  if (typeof value === "function") return false;
  return value === null || typeof value !== "object" || Object.keys(value).length === 0;
}

/** A value as it may be shown. Values that are no data (an SDK's credential object) are never shown. */
export function maskValue(path: string, value: unknown): { value: unknown; secret: boolean } {
  if (isSecret(path, value)) return { value: MASK, secret: true };
  return isData(value) ? { value, secret: false } : { value: MASK, secret: true };
}

/**
 * Every text of a document that must not be printed: secret values whole, and the keys and passwords inside connection
 * strings and URLs, since an SDK's error may quote a part. Longest first.
 */
export function secretTexts(document: Document): string[] {
  const found = new Set<string>();
  const values = [...leaves(document)].flatMap(({ path, value }) =>
    [value].flat(9).map((one) => ({ path, value: one })),
  );
  for (const { path, value } of values) {
    if (typeof value !== "string" || !isSecret(path, value)) continue;
    found.add(value);
    for (const [, key, password] of value.matchAll(SECRET_TEXT)) found.add((key ?? password) as string);
  }
  return [...found].filter((text) => text.length >= MIN_SECRET).sort((a, b) => b.length - a.length);
}

/** The text with every one of `secrets`, and whatever else looks like a key or password, masked. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  const known = secrets.reduce((masked, secret) => masked.replaceAll(secret, MASK), text);
  return known.replace(SECRET_TEXT, (whole, key: string | undefined, password: string | undefined) =>
    whole.replace((key ?? password) as string, MASK),
  );
}
