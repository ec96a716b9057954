import { promisify } from "node:util";
import { zstdCompress, zstdDecompress } from "node:zlib";
import kafkajs from "kafkajs";
import { snappyBlocks } from "./snappy-blocks.ts";

const { CompressionCodecs, CompressionTypes } = kafkajs;
/** Its types know of no message. */
const NotImplemented = kafkajs.KafkaJSNotImplemented as new (message: string) => Error;

interface Codec {
  compress(bytes: Buffer): Promise<Buffer>;
  decompress(bytes: Buffer): Promise<Buffer>;
}

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** kafkajs has gzip alone. Node has zstd; the others are packages that the application installs where it needs them. */
const CODECS: Readonly<Record<number, Codec>> = {
  [CompressionTypes.ZSTD]: {
    compress: async (bytes) => compress(bytes),
    decompress: async (bytes) => decompress(bytes),
  },
  [CompressionTypes.Snappy]: {
    compress: async (bytes) => (await snappy()).compress(bytes),
    async decompress(bytes) {
      const { uncompress } = await snappy();
      const blocks = await Promise.all(snappyBlocks(bytes).map((block) => uncompress(block)));
      return Buffer.concat(blocks as Buffer[]);
    },
  },
  [CompressionTypes.LZ4]: {
    compress: async (bytes) => (await lz4()).compressFrame(bytes),
    decompress: async (bytes) => (await lz4()).decompressFrame(bytes),
  },
};

const snappy = () => installed("Snappy", "snappy", () => import("snappy"));
const lz4 = () => installed("LZ4", "lz4-napi", () => import("lz4-napi"));

/** Where the package is missing: an error that ends kafkajs' consumer at once, as kafkajs' own does. */
async function installed<T>(codec: string, name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new NotImplemented(`${codec} needs the package ${name}, which is not installed`);
  }
}

/** A codec that the application registered stays. */
export function registerCodecs(): void {
  for (const [type, codec] of Object.entries(CODECS)) {
    if (isRegistered(Number(type))) continue;
    CompressionCodecs[Number(type) as CompressionType] = () => ({
      compress: (encoder: { buffer: Buffer }) => codec.compress(encoder.buffer),
      decompress: codec.decompress,
    });
  }
}

type CompressionType = keyof typeof CompressionCodecs;

/** Those that it lacks stand there as functions that throw. */
function isRegistered(type: number): boolean {
  try {
    (CompressionCodecs[type as CompressionType] as () => unknown)();
    return true;
  } catch {
    return false;
  }
}
