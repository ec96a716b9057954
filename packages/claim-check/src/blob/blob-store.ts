import { type ClaimStore, type ErrorKind, NETWORK_KINDS, statusKind } from "@waybill/core/spi";
import { claimErrors } from "../claim-errors.ts";
import { claimNameIn, newClaimName } from "../claim-name.ts";
import { type BlobStoreOptions, openContainer } from "./container.ts";

export type { BlobStoreOptions } from "./container.ts";

/** Of errors without a status. */
const BY_CODE: Readonly<Record<string, ErrorKind>> = { ...NETWORK_KINDS, REQUEST_SEND_ERROR: "transient" };
/** Statuses that mean something else here than elsewhere. */
const BY_STATUS: Readonly<Record<number, ErrorKind>> = { 409: "transient", 503: "throttled" };

/**
 * Claims as block blobs in one container, `2026-11-26/<uuid>`. The reference is the blob's URL without a SAS, so that any reader with rights of its own can
 * follow it. Checks its options and does no I/O.
 */
export function blobStore(options: BlobStoreOptions): ClaimStore {
  const { client, url, create, requestTimeoutMs } = openContainer(options);
  const closing = new AbortController();
  let created: Promise<void> | undefined;

  const call = async <T>(
    doing: string,
    signal: AbortSignal,
    run: (abortSignal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    try {
      return await run(AbortSignal.any([signal, closing.signal, AbortSignal.timeout(requestTimeoutMs)]));
    } catch (error) {
      throw claimErrors.WB_CLAIM_STORE_CALL({ store: `container ${url}`, doing, answer: answerOf(error) }, error);
    }
  };

  /** Once for all who wait; tried again by the next when it failed. */
  const ensure = async (signal: AbortSignal) => {
    if (!create) return;
    created ??= call("Creating", new AbortController().signal, async (abortSignal) => {
      await client.createIfNotExists({ abortSignal });
    });
    const creating = created;
    try {
      await creating;
    } catch (error) {
      if (created === creating) created = undefined;
      throw error;
    }
    signal.throwIfAborted();
  };

  return {
    name: `container ${url}`,
    async put(data, { contentType }, signal) {
      await ensure(signal);
      const claim = newClaimName();
      await call("Writing to", signal, (abortSignal) =>
        client.getBlockBlobClient(claim).uploadData(data as Buffer, {
          abortSignal,
          blobHTTPHeaders: { blobContentType: contentType ?? "application/json" },
        }),
      );
      return url + claim;
    },
    owns: (reference) => claimNameIn(reference, url) !== undefined,
    async get(reference, maxBytes, signal) {
      const claim = claimNameIn(reference, url);
      if (claim === undefined) return undefined;
      try {
        return await call("Reading from", signal, async (abortSignal) => {
          const answer = await client.getBlobClient(claim).download(0, maxBytes + 1, { abortSignal });
          const chunks: Buffer[] = [];
          for await (const chunk of answer.readableStreamBody ?? []) chunks.push(chunk as Buffer);
          return Buffer.concat(chunks);
        });
      } catch (error) {
        if (statusOf(error) === 404) return undefined;
        throw error;
      }
    },
    classify,
    async close() {
      closing.abort(new Error("The claim store is closed."));
    },
  };
}

function classify(error: unknown): ErrorKind {
  const status = statusOf(error);
  if (status !== undefined) return BY_STATUS[status] ?? statusKind(status);
  return (
    inChain(error, ({ name, code }) => {
      if (name === "TimeoutError" || name === "AbortError") return "transient";
      return typeof code === "string" && Object.hasOwn(BY_CODE, code) ? BY_CODE[code] : undefined;
    }) ?? "unknown"
  );
}

function statusOf(error: unknown): number | undefined {
  return inChain(error, ({ statusCode }) => (typeof statusCode === "number" ? statusCode : undefined));
}

function answerOf(error: unknown): string {
  const code = inChain(error, (one) => (typeof one.code === "string" ? one.code : undefined));
  const status = statusOf(error);
  if (status !== undefined) return `${status}${code === undefined ? "" : ` ${code}`}`;
  return code ?? inChain(error, ({ name }) => (typeof name === "string" ? name : undefined)) ?? "no answer";
}

/** What the error or a cause of it says. Never throws, whatever it is given. */
function inChain<T>(error: unknown, look: (one: Record<string, unknown>) => T | undefined): T | undefined {
  try {
    for (let at = error, depth = 0; typeof at === "object" && at !== null && depth < 5; depth++) {
      const found = look(at as Record<string, unknown>);
      if (found !== undefined) return found;
      at = (at as { cause?: unknown }).cause;
    }
  } catch {
    // A hostile getter says nothing.
  }
  return undefined;
}
