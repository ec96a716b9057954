import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Unavailable } from "./unavailable.ts";

export interface SmallDisk {
  /** Where it is mounted; everyone may write there. */
  readonly folder: string;
  /** Leaves no byte. */
  fill(): void;
  /** Gives back what {@link fill} took. */
  clear(): void;
  /** Idempotent; also done when this process ends. */
  unmount(): void;
}

const MIB = 2 ** 20;

/** A file system of its own, in memory. Throws `Unavailable` where this process may not mount one: it takes root, and Linux. */
export function mountSmallDisk(mebibytes: number): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), "waybill-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m,mode=0777`, "waybill", folder], { stdio: "pipe" });
  } catch (error) {
    rmdirSync(folder);
    throw new Unavailable("No small disk can be mounted here: it takes root, and Linux.", { cause: error });
  }
  chmodSync(folder, 0o777);
  const ballast = join(folder, "ballast");
  let isMounted = true;
  const unmount = () => {
    if (!isMounted) return;
    isMounted = false;
    process.off("exit", unmount);
    // Lazily, for a server that is being killed may still have files open.
    execFileSync("umount", ["--lazy", folder]);
    rmdirSync(folder);
  };
  process.once("exit", unmount);
  return {
    folder,
    fill() {
      const { bavail, bsize } = statfsSync(folder);
      for (let left = bavail * bsize; left > 0; left -= MIB) {
        writeFileSync(ballast, Buffer.alloc(Math.min(left, MIB)), { flag: "a" });
      }
    },
    clear: () => rmSync(ballast, { force: true }),
    unmount,
  };
}
