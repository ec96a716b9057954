interface Name {
  readonly bytes: Buffer;
  readonly text: string;
}

/**
 * The names of headers, by where they stand in a record: most records of a partition have the same in the same order, and to compare is cheaper than to decode, and than
 * what it takes to make a new text a property's name.
 */
export class HeaderNames {
  readonly #names: Name[] = [];

  at(index: number, bytes: Buffer, from: number, to: number): string {
    const known = this.#names[index];
    if (known !== undefined && isAt(bytes, from, to, known.bytes)) return known.text;
    const name = { bytes: Buffer.from(bytes.subarray(from, to)), text: bytes.toString("utf8", from, to) };
    this.#names[index] = name;
    return name.text;
  }
}

function isAt(bytes: Buffer, from: number, to: number, name: Buffer): boolean {
  const { length } = name;
  if (to - from !== length) return false;
  for (let index = 0; index < length; index++) if (bytes[from + index] !== name[index]) return false;
  return true;
}
