export { claimErrors } from "../claim-errors.ts";
export { type BlobStoreOptions, blobStore } from "./blob-store.ts";
