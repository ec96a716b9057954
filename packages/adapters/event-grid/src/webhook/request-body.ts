/** The body is larger than it may be; nothing of it is kept. */
export class BodyTooLarge extends Error {
  override readonly name = "BodyTooLarge";
}

/** The whole body. Stops reading as soon as it is too large, or the signal aborts. */
export async function readBody(
  chunks: AsyncIterable<Uint8Array>,
  declaredBytes: number | undefined,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  if ((declaredBytes ?? 0) > maxBytes) throw new BodyTooLarge();
  const read: Uint8Array[] = [];
  let size = 0;
  const reading = chunks[Symbol.asyncIterator]();
  const aborted = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  aborted.catch(() => undefined);
  for (;;) {
    const next = await Promise.race([reading.next(), aborted]);
    if (next.done === true) return Buffer.concat(read);
    size += next.value.byteLength;
    if (size > maxBytes) throw new BodyTooLarge();
    read.push(next.value);
  }
}
