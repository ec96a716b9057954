export { type StorageQueueAdapter, storageQueue } from "./adapter.ts";
export { storageQueueErrors } from "./errors.ts";
export type { Encoding, StorageQueueOptions, TokenCredential } from "./options.ts";
