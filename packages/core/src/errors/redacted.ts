/** What of an error may be written beside an event or into a log: its text in one line, with what looks like a secret masked. */
export function redacted(error: unknown): string {
  return maskSecrets(textOf(error)).replace(/\s+/g, " ").trim().slice(0, MAX_TEXT);
}

const MAX_TEXT = 4_000;

/** Handlers throw anything, also what cannot be turned into text. */
function textOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message || error.name : error);
  } catch {
    return "a thrown value that has no text";
  }
}

/**
 * `AccountKey=…`, `SharedAccessKey=…`, `sig=…`, `password=…`, `passphrase=…`, bearer tokens, and user:password@ in a URL. Takes time in proportion to the text:
 * no pattern may begin with a run that has no end, for an error can quote a whole document.
 */
export function maskSecrets(text: string): string {
  return text
    .replace(
      /((?:account|access|shared\w{0,20}|api|ssl|private)[-_]?key|sharedaccesssignature|password|passphrase|passwd|pwd|secret|token|sig|code)(["']?\s*[=:]\s*["']?)[^;&\s"',}]+/gi,
      "$1$2***",
    )
    .replace(/\b(sharedkey(?:lite)?)\s+[\w-]+:[\w+/=]+/gi, "$1 ***")
    .replace(/\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi, "$1 ***")
    .replace(/(:\/\/[^\s/:@]*):[^\s/]+@/g, "$1:***@");
}
