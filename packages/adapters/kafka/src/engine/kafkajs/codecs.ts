import { promisify } from "node:util";
import { zstdCompress, zstdDecompress } from "node:zlib";
import kafkajs from "kafkajs";

const { CompressionCodecs, CompressionTypes } = kafkajs;
const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** kafkajs has gzip alone; a batch of another producer's in a codec that it lacks ends the consumer. A codec that the application registered stays. */
export function registerCodecs(): void {
  if (isRegistered(CompressionTypes.ZSTD)) return;
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({
    compress: (encoder: { buffer: Buffer }) => compress(encoder.buffer),
    decompress: (bytes: Buffer) => decompress(bytes),
  });
}

/** Those that it lacks stand there as functions that throw. */
function isRegistered(type: number): boolean {
  try {
    (CompressionCodecs[type as keyof typeof CompressionCodecs] as () => unknown)();
    return true;
  } catch {
    return false;
  }
}
