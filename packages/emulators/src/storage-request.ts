import { createHmac } from "node:crypto";

const API_VERSION = "2021-08-06";

export interface StorageAccount {
  readonly account: string;
  readonly key: string;
  readonly blobEndpoint: string;
  readonly queueEndpoint: string;
}

/** Reads a connection string with AccountName and AccountKey. Endpoints that it does not name are the cloud's. */
export function readStorageAccount(text: string): StorageAccount {
  const parts = new Map<string, string>();
  for (const part of text.split(";")) {
    const at = part.indexOf("=");
    if (at > 0) parts.set(part.slice(0, at).trim().toLowerCase(), part.slice(at + 1).trim());
  }
  const [account, key] = [parts.get("accountname"), parts.get("accountkey")];
  if (account === undefined || key === undefined)
    throw new TypeError("The connection string of a storage account needs AccountName and AccountKey.");
  const endpoint = (kind: "blob" | "queue") =>
    (parts.get(`${kind}endpoint`) ?? `https://${account}.${kind}.core.windows.net`).replace(/\/$/, "");
  return { account, key, blobEndpoint: endpoint("blob"), queueEndpoint: endpoint("queue") };
}

/** One request to the storage service's REST interface, signed with the account's key. Resolves with the status. */
export async function storageRequest(
  { account, key }: StorageAccount,
  method: "PUT" | "POST",
  address: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<number> {
  const url = new URL(address);
  const all: Record<string, string> = {
    ...headers,
    "x-ms-date": new Date().toUTCString(),
    "x-ms-version": API_VERSION,
  };
  // As bytes: for a text, fetch would add a content type, which is part of what is signed.
  const bytes = Buffer.from(body);
  const authorization = sign(account, key, method, url, all, bytes.length);
  const response = await fetch(url, { method, headers: { ...all, authorization }, body: bytes });
  await response.arrayBuffer();
  return response.status;
}

/** The shared-key signature of a request without conditions. */
function sign(
  account: string,
  key: string,
  method: string,
  url: URL,
  headers: Readonly<Record<string, string>>,
  length: number,
): string {
  const canonicalHeaders = Object.entries(headers)
    .filter(([name]) => name.startsWith("x-ms-"))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}:${value}\n`)
    .join("");
  const query = [...url.searchParams].map(([name, value]) => `\n${name}:${value}`).join("");
  const lengthText = length === 0 ? "" : String(length);
  const fixed = [method, "", "", lengthText, "", headers["content-type"] ?? "", "", "", "", "", "", ""];
  const text = [...fixed, `${canonicalHeaders}/${account}${url.pathname}${query}`].join("\n");
  const signature = createHmac("sha256", Buffer.from(key, "base64")).update(text).digest("base64");
  return `SharedKey ${account}:${signature}`;
}
