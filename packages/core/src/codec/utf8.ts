// ignoreBOM keeps a leading U+FEFF: it is part of the data, and the round trip must give it back.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text that the bytes are, or undefined where they are no UTF-8. */
export function utf8Text(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    // The decoder's only error for a Uint8Array is "not UTF-8", which is this function's answer.
    return undefined;
  }
}

/** A view, not a copy, with Buffer's methods. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
