/** SQL's LIKE: `%` is any text, `_` any character. Takes time in proportion to text times pattern at worst, never more. */
export function matchesLike(text: string, pattern: string, escapeChar: string | undefined): boolean {
  const parts = compile(pattern, escapeChar);
  const chars = [...text];
  let at = 0;
  let part = 0;
  let star = -1;
  let resume = 0;
  while (at < chars.length) {
    const now = parts[part];
    if (now !== undefined && now !== ANY_TEXT && (now === ANY_CHAR || now === chars[at])) {
      at += 1;
      part += 1;
    } else if (now === ANY_TEXT) {
      star = part;
      resume = at;
      part += 1;
    } else if (star >= 0) {
      part = star + 1;
      resume += 1;
      at = resume;
    } else return false;
  }
  while (parts[part] === ANY_TEXT) part += 1;
  return part === parts.length;
}

const ANY_TEXT = Symbol("%");
const ANY_CHAR = Symbol("_");

function compile(pattern: string, escapeChar: string | undefined): (string | symbol)[] {
  const parts: (string | symbol)[] = [];
  const chars = [...pattern];
  for (let at = 0; at < chars.length; at += 1) {
    const char = chars[at]!;
    if (char === escapeChar && at + 1 < chars.length) {
      at += 1;
      parts.push(chars[at]!);
    } else parts.push(char === "%" ? ANY_TEXT : char === "_" ? ANY_CHAR : char);
  }
  return parts;
}
