import { resolve } from "node:path";
import type { ClaimCheckOptions } from "@waybill/core";
import type { ClaimStore } from "@waybill/core/spi";
import { configErrors } from "./config-errors.ts";
import type { LoadedConfig } from "./load-config.ts";
import { loadPackage, NOT_INSTALLED } from "./load-package.ts";

const PACKAGE = "@waybill/claim-check";
/** What a store's door needs beside its package. */
const SDK = { folder: undefined, blob: "@azure/storage-blob" } as const;

/** The claim check of the configuration; undefined where there is none. Loads only the store that it names, and does no I/O. */
export async function loadClaimCheck({ config, folder }: LoadedConfig): Promise<ClaimCheckOptions | undefined> {
  if (config.claimCheck === undefined) return undefined;
  const { store, maxBytes, options } = config.claimCheck;
  const notInstalled = (name: string, cause?: unknown) =>
    configErrors.WB_CLAIM_CHECK_NOT_INSTALLED({ store, package: name }, cause);
  const module = await loadPackage(`${PACKAGE}/${store}`, folder).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    const sdk = SDK[store];
    if (sdk !== undefined && (code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND")) {
      throw notInstalled(sdk, error);
    }
    throw error;
  });
  if (module === NOT_INSTALLED) throw notInstalled(PACKAGE);
  const make = module[`${store}Store`] as (options: unknown) => ClaimStore;
  const { path, ...rest } = options;
  const opened = make(typeof path === "string" ? { ...rest, path: resolve(folder, path) } : options);
  return { store: opened, ...(maxBytes === undefined ? {} : { maxBytes }) };
}
