import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { ServiceBusEmulator } from "@waybill/emulators";

/** Writes the certificate to trust, PEM, and answers the file's full path; undefined when there is none to write. */
export async function writeCertificate(
  serviceBus: ServiceBusEmulator | undefined,
  file: string | undefined,
): Promise<string | undefined> {
  if (file === undefined || serviceBus?.certificate === undefined) return undefined;
  await writeFile(file, serviceBus.certificate);
  return resolve(file);
}
