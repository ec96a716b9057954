import type { ContainerClient } from "@azure/storage-blob";
import type { Call } from "@waybill/core/spi";
import { failedCall } from "./classify.ts";

/** Makes sure that the blob container exists, with one call for as long as the adapter lives. Does nothing for another store, or where it may not. */
export function createContainer(
  container: ContainerClient | undefined,
  mayCreate: boolean,
  call: Call,
): () => Promise<void> {
  let ensured: Promise<unknown> | undefined;
  return async () => {
    if (container === undefined || !mayCreate) return;
    ensured ??= call(undefined, (abortSignal) => container.createIfNotExists({ abortSignal }));
    try {
      await ensured;
    } catch (error) {
      ensured = undefined;
      throw failedCall("Creating", `blob container ${container.containerName}`, error);
    }
  };
}
