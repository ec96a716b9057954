import { readStorageAccount, storageRequest } from "../storage-request.ts";
import type { DeadLetterWriter } from "./dead-letters.ts";

export interface BlobDeadLettersOptions {
  /** Of a storage account or an Azurite: with AccountName, AccountKey and BlobEndpoint. */
  readonly connectionString: string;
  /** Made when it is missing. */
  readonly container: string;
}

/** Writes dead letters as block blobs over the storage service's REST interface, signed with the account's key. */
export function blobDeadLetters({ connectionString, container }: BlobDeadLettersOptions): DeadLetterWriter {
  const account = readStorageAccount(connectionString);
  const put = (path: string, headers: Record<string, string>, body: string) =>
    storageRequest(account, "PUT", `${account.blobEndpoint}/${path}`, headers, body);
  let madeContainer: Promise<number> | undefined;
  return async (blobPath, json) => {
    madeContainer ??= put(`${container}?restype=container`, {}, "");
    const made = await madeContainer.catch((error: unknown) => {
      madeContainer = undefined;
      throw error;
    });
    if (made !== 201 && made !== 409) {
      madeContainer = undefined;
      throw new Error(`The container for dead letters could not be made: status ${made}.`);
    }
    const headers = { "x-ms-blob-type": "BlockBlob", "content-type": "application/json; charset=utf-8" };
    const status = await put(`${container}/${blobPath}`, headers, json);
    if (status !== 201) throw new Error(`The dead letters could not be written: status ${status}.`);
  };
}
