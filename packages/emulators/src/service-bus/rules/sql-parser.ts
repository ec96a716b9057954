import { argumentError } from "../broker/conditions.ts";
import { type Token, tokenize } from "./sql-lexer.ts";
import { isSystemProperty } from "./system-properties.ts";

export type Expression =
  | { readonly kind: "constant"; readonly value: unknown }
  | { readonly kind: "property"; readonly scope: "sys" | "user"; readonly name: string }
  | { readonly kind: "newid" }
  | { readonly kind: "negate"; readonly of: Expression }
  | { readonly kind: "arithmetic"; readonly operator: string; readonly left: Expression; readonly right: Expression }
  | { readonly kind: "compare"; readonly operator: string; readonly left: Expression; readonly right: Expression }
  | { readonly kind: "not"; readonly of: Expression }
  | { readonly kind: "and" | "or"; readonly left: Expression; readonly right: Expression }
  | { readonly kind: "is-null"; readonly of: Expression; readonly negated: boolean }
  | { readonly kind: "in"; readonly of: Expression; readonly items: readonly Expression[]; readonly negated: boolean }
  | {
      readonly kind: "like";
      readonly of: Expression;
      readonly pattern: Expression;
      readonly escape: string | undefined;
      readonly negated: boolean;
    }
  | { readonly kind: "exists"; readonly of: Expression };

export type Statement =
  | { readonly kind: "set"; readonly scope: "sys" | "user"; readonly name: string; readonly value: Expression }
  | { readonly kind: "remove"; readonly scope: "sys" | "user"; readonly name: string };

const MAX_DEPTH = 64;
const COMPARISONS = new Set(["=", "<>", "!=", ">", ">=", "<", "<="]);

/** Values of the names that start with `@` in an expression. */
export type Parameters = ReadonlyMap<string, unknown>;

/** A filter. Throws an argument error. */
export function parsePredicate(text: string, parameters: Parameters = new Map()): Expression {
  const parser = new Parser(tokenize(text), parameters);
  const expression = parser.expression();
  parser.end();
  return expression;
}

/** An action: SET and REMOVE statements. Throws an argument error. */
export function parseAction(text: string, parameters: Parameters = new Map()): Statement[] {
  return new Parser(tokenize(text), parameters).statements();
}

class Parser {
  private readonly tokens: readonly Token[];
  private readonly parameters: Parameters;
  private at = 0;
  private depth = 0;

  constructor(tokens: readonly Token[], parameters: Parameters) {
    this.tokens = tokens;
    this.parameters = parameters;
  }

  end(): void {
    if (this.peek().kind !== "end") throw this.unexpected();
  }

  statements(): Statement[] {
    const out: Statement[] = [];
    while (this.peek().kind !== "end") {
      if (this.symbol(";")) continue;
      if (this.word("set")) {
        const target = this.property();
        if (!this.symbol("=")) throw this.unexpected();
        out.push({ kind: "set", scope: target.scope, name: target.name, value: this.expression() });
      } else if (this.word("remove")) {
        const { scope, name } = this.property();
        out.push({ kind: "remove", scope, name });
      } else throw this.unexpected();
    }
    return out;
  }

  expression(): Expression {
    this.depth += 1;
    if (this.depth > MAX_DEPTH) throw argumentError("The expression is nested too deep.");
    let left = this.conjunction();
    while (this.word("or")) left = { kind: "or", left, right: this.conjunction() };
    this.depth -= 1;
    return left;
  }

  private conjunction(): Expression {
    let left = this.negation();
    while (this.word("and")) left = { kind: "and", left, right: this.negation() };
    return left;
  }

  private negation(): Expression {
    let nots = 0;
    while (this.word("not")) nots += 1;
    const inner = this.comparison();
    return nots % 2 === 1 ? { kind: "not", of: inner } : inner;
  }

  private comparison(): Expression {
    const left = this.sum();
    const next = this.peek();
    if (next.kind === "symbol" && COMPARISONS.has(next.text)) {
      this.at += 1;
      return { kind: "compare", operator: next.text === "!=" ? "<>" : next.text, left, right: this.sum() };
    }
    if (this.word("is")) {
      const negated = this.word("not");
      if (!this.word("null")) throw this.unexpected();
      return { kind: "is-null", of: left, negated };
    }
    const negated = this.word("not");
    if (this.word("in")) return { kind: "in", of: left, items: this.list(), negated };
    if (this.word("like")) {
      const pattern = this.sum();
      let escapeChar: string | undefined;
      if (this.word("escape")) {
        const token = this.take();
        if (token.kind !== "string" || token.text.length !== 1) throw argumentError("ESCAPE takes one character.");
        escapeChar = token.text;
      }
      return { kind: "like", of: left, pattern, escape: escapeChar, negated };
    }
    if (negated) throw this.unexpected();
    return left;
  }

  private list(): Expression[] {
    if (!this.symbol("(")) throw this.unexpected();
    const items = [this.expression()];
    while (this.symbol(",")) items.push(this.expression());
    if (!this.symbol(")")) throw this.unexpected();
    return items;
  }

  private sum(): Expression {
    let left = this.product();
    for (let operator = this.oneOf("+", "-"); operator !== undefined; operator = this.oneOf("+", "-"))
      left = { kind: "arithmetic", operator, left, right: this.product() };
    return left;
  }

  private product(): Expression {
    let left = this.unary();
    for (let operator = this.oneOf("*", "/", "%"); operator !== undefined; operator = this.oneOf("*", "/", "%"))
      left = { kind: "arithmetic", operator, left, right: this.unary() };
    return left;
  }

  private unary(): Expression {
    let negative = false;
    for (let sign = this.oneOf("+", "-"); sign !== undefined; sign = this.oneOf("+", "-"))
      if (sign === "-") negative = !negative;
    const inner = this.primary();
    return negative ? { kind: "negate", of: inner } : inner;
  }

  private primary(): Expression {
    const token = this.peek();
    if (token.kind === "string" || token.kind === "number") {
      this.at += 1;
      return { kind: "constant", value: token.kind === "string" ? token.text : token.value };
    }
    if (this.symbol("(")) {
      const inner = this.expression();
      if (!this.symbol(")")) throw this.unexpected();
      return inner;
    }
    if (token.kind !== "word") throw this.unexpected();
    if (!token.quoted) {
      const lower = token.text.toLowerCase();
      if (lower === "true" || lower === "false" || lower === "null") {
        this.at += 1;
        return { kind: "constant", value: lower === "null" ? undefined : lower === "true" };
      }
      if (this.isCall()) return this.call(lower);
      if (token.text.startsWith("@")) {
        this.at += 1;
        if (!this.parameters.has(token.text)) throw argumentError(`The parameter '${token.text}' has no value.`);
        return { kind: "constant", value: this.parameters.get(token.text) };
      }
    }
    return this.property();
  }

  private isCall(): boolean {
    const next = this.tokens[this.at + 1];
    return next?.kind === "symbol" && next.text === "(";
  }

  private call(name: string): Expression {
    this.at += 2;
    if (name === "newid") {
      if (!this.symbol(")")) throw this.unexpected();
      return { kind: "newid" };
    }
    if (name === "exists") {
      const of = this.property();
      if (!this.symbol(")")) throw this.unexpected();
      return { kind: "exists", of };
    }
    if (name === "property" || name === "p") {
      const token = this.take();
      if (token.kind !== "string" || !this.symbol(")")) throw argumentError("property() takes a name in quotes.");
      return { kind: "property", scope: "user", name: token.text };
    }
    throw argumentError(`The function '${name}' is not known.`);
  }

  private property(): { readonly kind: "property"; readonly scope: "sys" | "user"; readonly name: string } {
    const first = this.take();
    if (first.kind !== "word") throw this.unexpected(first);
    if (!this.symbol(".")) return { kind: "property", scope: "user", name: first.text };
    const scope = first.text.toLowerCase();
    const second = this.take();
    if (second.kind !== "word") throw this.unexpected(second);
    if (scope !== "sys" && scope !== "user") throw argumentError(`The scope '${first.text}' is neither sys nor user.`);
    if (scope === "sys" && !isSystemProperty(second.text))
      throw argumentError(`The system property '${second.text}' does not exist.`);
    return { kind: "property", scope, name: second.text };
  }

  private peek(): Token {
    return this.tokens[this.at]!;
  }

  private take(): Token {
    const token = this.peek();
    if (token.kind !== "end") this.at += 1;
    return token;
  }

  private word(text: string): boolean {
    const token = this.peek();
    const found = token.kind === "word" && !token.quoted && token.text.toLowerCase() === text;
    if (found) this.at += 1;
    return found;
  }

  private symbol(text: string): boolean {
    return this.oneOf(text) !== undefined;
  }

  private oneOf(...texts: readonly string[]): string | undefined {
    const token = this.peek();
    if (token.kind !== "symbol" || !texts.includes(token.text)) return undefined;
    this.at += 1;
    return token.text;
  }

  private unexpected(token: Token = this.peek()) {
    const seen = token.kind === "end" ? "the end" : `'${"text" in token ? token.text : token.value}'`;
    return argumentError(`The expression is not well formed: ${seen} was not expected.`);
  }
}
