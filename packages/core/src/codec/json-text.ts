/**
 * JSON that also survives a wire made of XML (storage queues). JSON.stringify escapes C0 controls and lone surrogates; U+FFFE and
 * U+FFFF it leaves as they are, and XML 1.0 cannot carry them. Throws what JSON.stringify throws.
 */
export function xmlSafeJson(value: unknown): string {
  const text = JSON.stringify(value);
  // Two plain searches cost nothing on one-byte strings, which most documents are.
  return text.includes("\uffff") || text.includes("\ufffe")
    ? text.replaceAll("\uffff", "\\uffff").replaceAll("\ufffe", "\\ufffe")
    : text;
}

/** Parses JSON; undefined where it is none. A leading byte order mark, which some producers write, is skipped. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  } catch {
    // The parser's own text quotes the document, which may hold what must not be logged: callers say "no valid JSON".
    return undefined;
  }
}
