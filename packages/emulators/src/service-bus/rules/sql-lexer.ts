import { argumentError } from "../broker/conditions.ts";

export type Token =
  | { readonly kind: "word"; readonly text: string; readonly quoted: boolean }
  | { readonly kind: "string"; readonly text: string }
  | { readonly kind: "number"; readonly value: number | bigint; readonly isInteger: boolean }
  | { readonly kind: "symbol"; readonly text: string }
  | { readonly kind: "end" };

/** The service's limit for the text of a filter or an action. */
const MAX_LENGTH = 1024;
const SYMBOLS = ["<>", "!=", ">=", "<=", "=", "<", ">", "(", ")", ",", ".", "+", "-", "*", "/", "%", ";"];
const NUMBER = /^(0x[0-9a-f]+|\d+(\.\d*)?(e[+-]?\d+)?|\.\d+(e[+-]?\d+)?)/i;
const WORD = /^[\p{L}_@#][\p{L}\p{N}_@#$]*/u;

/** Cuts an expression into tokens. Throws an argument error with the place. */
export function tokenize(text: string): Token[] {
  if (text.length > MAX_LENGTH) throw argumentError(`An expression has at most ${MAX_LENGTH} characters.`);
  const tokens: Token[] = [];
  for (let at = 0; at < text.length; ) {
    const rest = text.slice(at);
    const char = rest[0]!;
    const space = /^\s+/.exec(rest);
    if (space) {
      at += space[0].length;
    } else if (char === "'") {
      const [value, size] = delimited(rest, "'", at);
      tokens.push({ kind: "string", text: value });
      at += size;
    } else if (char === '"' || char === "[") {
      const [value, size] = delimited(rest, char === "[" ? "]" : '"', at);
      tokens.push({ kind: "word", text: value, quoted: true });
      at += size;
    } else {
      const number = NUMBER.exec(rest);
      const word = WORD.exec(rest);
      const symbol = SYMBOLS.find((one) => rest.startsWith(one));
      if (number && !(char === "." && tokens.at(-1)?.kind === "word")) {
        tokens.push(numberToken(number[0]));
        at += number[0].length;
      } else if (word) {
        tokens.push({ kind: "word", text: word[0], quoted: false });
        at += word[0].length;
      } else if (symbol !== undefined) {
        tokens.push({ kind: "symbol", text: symbol });
        at += symbol.length;
      } else throw argumentError(`The expression has an unexpected '${char}' at position ${at}.`);
    }
  }
  tokens.push({ kind: "end" });
  return tokens;
}

function numberToken(text: string): Token {
  const isInteger = /^(0x[0-9a-f]+|\d+)$/i.test(text);
  const value = isInteger && !Number.isSafeInteger(Number(text)) ? BigInt(text) : Number(text);
  return { kind: "number", value, isInteger };
}

/** The text up to the closing character, which is doubled to stand for itself. */
function delimited(rest: string, close: string, position: number): [string, number] {
  let value = "";
  for (let at = 1; at < rest.length; at += 1) {
    if (rest[at] !== close) value += rest[at];
    else if (rest[at + 1] === close) {
      value += close;
      at += 1;
    } else return [value, at + 1];
  }
  throw argumentError(`The text that starts at position ${position} has no end.`);
}
