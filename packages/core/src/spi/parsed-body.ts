/**
 * The JSON of a body, which an adapter had to parse before there was a body: what the codec would otherwise parse again. The first who takes it
 * owns it and may change it; from then on there is the body, as it was written.
 */
export class ParsedBody {
  #body: Uint8Array | undefined;
  #value: unknown;

  /** `value` is what parsing `body` gives: nothing but JSON, and no member that is undefined. Nobody else may keep it, or a part of it. */
  constructor(body: Uint8Array, value: unknown) {
    this.#body = body;
    this.#value = value;
  }

  /** Undefined where it has been taken already, and of any other body, such as that of a copy. */
  take(body: Uint8Array): unknown {
    if (body !== this.#body) return undefined;
    const value = this.#value;
    this.#body = undefined;
    this.#value = undefined;
    return value;
  }
}
