import { createHmac } from "node:crypto";
import type { DeadLetterWriter } from "./dead-letters.ts";

const API_VERSION = "2021-08-06";

export interface BlobDeadLettersOptions {
  /** Of a storage account or an Azurite: with AccountName, AccountKey and BlobEndpoint. */
  readonly connectionString: string;
  /** Made when it is missing. */
  readonly container: string;
}

/** Writes dead letters as block blobs over the storage service's REST interface, signed with the account's key. */
export function blobDeadLetters({ connectionString, container }: BlobDeadLettersOptions): DeadLetterWriter {
  const { account, key, endpoint } = readConnectionString(connectionString);
  const put = async (path: string, query: string, headers: Record<string, string>, body: string) => {
    const url = new URL(`${endpoint}/${path}${query}`);
    const all: Record<string, string> = {
      ...headers,
      "x-ms-date": new Date().toUTCString(),
      "x-ms-version": API_VERSION,
    };
    // As bytes: for a text, fetch would add a content type, which is part of what is signed.
    const bytes = Buffer.from(body);
    const authorization = sign(account, key, url, all, bytes.length, headers["content-type"] ?? "");
    const response = await fetch(url, { method: "PUT", headers: { ...all, authorization }, body: bytes });
    await response.arrayBuffer();
    return response.status;
  };
  let madeContainer: Promise<number> | undefined;
  return async (blobPath, json) => {
    madeContainer ??= put(container, "?restype=container", {}, "");
    const made = await madeContainer.catch((error: unknown) => {
      madeContainer = undefined;
      throw error;
    });
    if (made !== 201 && made !== 409) {
      madeContainer = undefined;
      throw new Error(`The container for dead letters could not be made: status ${made}.`);
    }
    const headers = { "x-ms-blob-type": "BlockBlob", "content-type": "application/json; charset=utf-8" };
    const status = await put(`${container}/${blobPath}`, "", headers, json);
    if (status !== 201) throw new Error(`The dead letters could not be written: status ${status}.`);
  };
}

/** The shared-key signature of a PUT without conditions. */
function sign(
  account: string,
  key: string,
  url: URL,
  headers: Readonly<Record<string, string>>,
  length: number,
  contentType: string,
): string {
  const canonicalHeaders = Object.entries(headers)
    .filter(([name]) => name.startsWith("x-ms-"))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}:${value}\n`)
    .join("");
  const query = [...url.searchParams].map(([name, value]) => `\n${name}:${value}`).join("");
  const text = [
    "PUT",
    "",
    "",
    length === 0 ? "" : String(length),
    "",
    contentType,
    "",
    "",
    "",
    "",
    "",
    "",
    `${canonicalHeaders}/${account}${url.pathname}${query}`,
  ].join("\n");
  const signature = createHmac("sha256", Buffer.from(key, "base64")).update(text).digest("base64");
  return `SharedKey ${account}:${signature}`;
}

function readConnectionString(text: string): { account: string; key: string; endpoint: string } {
  const parts = new Map<string, string>();
  for (const part of text.split(";")) {
    const at = part.indexOf("=");
    if (at > 0) parts.set(part.slice(0, at).trim().toLowerCase(), part.slice(at + 1).trim());
  }
  const [account, key] = [parts.get("accountname"), parts.get("accountkey")];
  if (account === undefined || key === undefined)
    throw new TypeError("The connection string for dead letters needs AccountName and AccountKey.");
  const endpoint = parts.get("blobendpoint") ?? `https://${account}.blob.core.windows.net`;
  return { account, key, endpoint: endpoint.replace(/\/$/, "") };
}
