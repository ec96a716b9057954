import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Emulators } from "@waybill/emulators";

/** Writes the certificate to trust, PEM, and answers the file's full path; undefined when there is none to write. */
export async function writeCertificate(
  { certificate }: Pick<Emulators, "certificate">,
  file: string | undefined,
): Promise<string | undefined> {
  if (file === undefined || certificate === undefined) return undefined;
  await writeFile(file, certificate);
  return resolve(file);
}
