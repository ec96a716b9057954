import { createHmac, timingSafeEqual } from "node:crypto";
import { decoded } from "./decoded.ts";

/** `SharedAccessSignature sr=<resource>&sig=<signature>&se=<seconds>&skn=<key name>`, the signature over resource and time. */
export interface SharedAccessSignature {
  readonly keyName: string;
  /** Infinity where the token names no time. */
  readonly expiresAt: number;
  /** Of the resource, without the scheme, host and query that some clients write. */
  readonly path: string;
  isSignedWith(key: string): boolean;
}

const SCHEME = "SharedAccessSignature ";

/** Undefined for a token of another kind. */
export function readSignature(token: string): SharedAccessSignature | undefined {
  if (!token.startsWith(SCHEME)) return undefined;
  const fields = new Map(
    token
      .slice(SCHEME.length)
      .split("&")
      .map((field) => field.split(/=(.*)/s, 2) as [string, string]),
  );
  const written = (name: string) => fields.get(name) ?? "";
  const seconds = written("se");
  const given = Buffer.from(decoded(written("sig")));
  return {
    keyName: decoded(written("skn")),
    expiresAt: /^\d+$/.test(seconds) ? Number(seconds) * 1_000 : Number.POSITIVE_INFINITY,
    path: decoded(written("sr")).replace(/^([a-z]+:\/\/)?[^/?]*|\?.*$/gis, ""),
    isSignedWith: (key) => {
      // Over the resource as it was written: clients do not agree on how to escape it.
      const digest = createHmac("sha256", key)
        .update(`${written("sr")}\n${seconds}`)
        .digest("base64");
      const expected = Buffer.from(digest);
      return key !== "" && given.length === expected.length && timingSafeEqual(given, expected);
    },
  };
}
