export { claimErrors } from "../claim-errors.ts";
export { type FolderStoreOptions, folderStore } from "./folder-store.ts";
