import { createHash, timingSafeEqual } from "node:crypto";
import { entraVerifier } from "./entra.ts";
import type { WebhookAuthentication, WebhookSecret } from "./webhook-options.ts";

/** What of a request authentication looks at. */
export interface Credentials {
  header(name: string): string | undefined;
  query(name: string): readonly string[];
}

export interface Gate {
  /** Whether the address itself carries the secret, where one is asked for there: it is known to do so in every request. */
  address(request: Credentials): boolean;
  /** Whether the request is good; rejects while nobody can tell. */
  delivery(request: Credentials): Promise<boolean>;
}

/**
 * Everything that is configured must hold. A handshake is not known to carry tokens or delivery properties, and gives away nothing but our consent to be sent what is then
 * looked at: there only the address is asked.
 */
export function createGate({ header, query, entra, verify }: WebhookAuthentication): Gate {
  const tokens = [verify, entra === undefined ? undefined : entraVerifier(entra)].filter((one) => one !== undefined);
  const address = (request: Credentials) =>
    query === undefined || request.query(query.name).some((value) => isOne(query, value));
  return {
    address,
    async delivery(request) {
      if (!address(request)) return false;
      if (header !== undefined && !isOne(header, request.header(header.name.toLowerCase()) ?? "")) return false;
      if (tokens.length === 0) return true;
      const token = /^bearer +([^\s]+)$/i.exec(request.header("authorization") ?? "")?.[1];
      if (token === undefined) return false;
      for (const good of tokens) if (!(await good(token))) return false;
      return true;
    },
  };
}

/** In a time that depends on neither: all secrets are looked at, by their hashes. */
function isOne({ secrets }: WebhookSecret, given: string): boolean {
  const hash = digest(given);
  let found = false;
  for (const secret of secrets) found = timingSafeEqual(digest(secret), hash) || found;
  return found;
}

const digest = (text: string) => createHash("sha256").update(text).digest();
