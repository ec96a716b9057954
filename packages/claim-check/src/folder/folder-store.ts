import { constants } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { ClaimStore, ErrorKind } from "@waybill/core/spi";
import { claimErrors } from "../claim-errors.ts";
import { claimNameIn, newClaimName } from "../claim-name.ts";

export interface FolderStoreOptions {
  /** The folder; made when it is first used. Every process that publishes or consumes must see the same one: one machine, or a shared volume. */
  readonly path: string;
}

/** In the reference stands no path: where the folder is mounted is each process's own affair. */
const START = "waybill-claim:folder/";
/** Codes that pass by themselves: no handles left, a disk that is full, a volume that is away for a moment. */
const PASSING = new Set(["EMFILE", "ENFILE", "EAGAIN", "EBUSY", "ENOSPC", "EIO", "ESTALE", "ETIMEDOUT"]);

/** Claims as files: one a claim, in a folder for each day (UTC). A file is written beside its place, synced, then renamed, so that half of one is never read. */
export function folderStore({ path, ...rest }: FolderStoreOptions): ClaimStore {
  const name = "folder";
  const refused = (option: string, problem: string) =>
    claimErrors.WB_CLAIM_STORE_OPTION({ store: name, option, problem });
  if (typeof path !== "string" || path === "") throw refused("path", "must name a folder");
  for (const option of Object.keys(rest)) throw refused(option, "does not exist; there is path");
  const root = resolve(path);

  const failed = (doing: string, error: unknown) => {
    const answer = (error as NodeJS.ErrnoException).code ?? "no access";
    return claimErrors.WB_CLAIM_STORE_CALL({ store: `folder ${root}`, doing, answer }, error);
  };

  return {
    name: `folder ${root}`,
    async put(data, _about, signal) {
      const claim = newClaimName();
      const file = join(root, claim);
      const unfinished = `${file}.part`;
      try {
        await mkdir(dirname(file), { recursive: true });
        signal.throwIfAborted();
        await using handle = await open(unfinished, "wx", 0o600);
        await handle.writeFile(data);
        await handle.sync();
        await rename(unfinished, file);
        await syncFolder(dirname(file));
        return START + claim;
      } catch (error) {
        await rm(unfinished, { force: true }).catch(() => undefined);
        if (signal.aborted) throw signal.reason;
        throw failed("Writing to", error);
      }
    },
    owns: (reference) => claimNameIn(reference, START) !== undefined,
    async get(reference, maxBytes, signal) {
      const claim = claimNameIn(reference, START);
      if (claim === undefined) return undefined;
      signal.throwIfAborted();
      try {
        // A link in its place is none of ours, wherever it leads.
        await using handle = await open(join(root, claim), constants.O_RDONLY | constants.O_NOFOLLOW);
        return await firstBytes(handle, maxBytes + 1);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw failed("Reading from", error);
      }
    },
    classify(error): ErrorKind {
      const code = codeOf(error);
      if (code === undefined) return "unknown";
      if (PASSING.has(code)) return "transient";
      return code === "EACCES" || code === "EPERM" || code === "EROFS" ? "unauthorized" : "invalid";
    },
    close: async () => undefined,
  };
}

async function firstBytes(handle: FileHandle, max: number): Promise<Uint8Array> {
  const { size } = await handle.stat();
  const bytes = Buffer.alloc(Math.min(size, max));
  let at = 0;
  while (at < bytes.length) {
    const { bytesRead } = await handle.read(bytes, at, bytes.length - at);
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return bytes.subarray(0, at);
}

/** Without it a crash of the machine could forget the new name. */
async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, "r");
  await handle.sync();
}

function codeOf(error: unknown): string | undefined {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const { code } = at as NodeJS.ErrnoException;
    if (typeof code === "string" && /^E[A-Z]+$/.test(code)) return code;
  }
  return undefined;
}
