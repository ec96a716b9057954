import { firstWithin } from "./kind-within.ts";

const NO_TLS = "what answers there speaks no TLS, or none of a common version; check scheme, port and address";
const UNTRUSTED =
  "this process does not trust the certificate there; name the authority's file in NODE_EXTRA_CA_CERTS, or correct the address";

const CERTIFICATE =
  /^(?:ERR_TLS_CERT_ALTNAME_INVALID|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|CERT_\w+|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE)$/;

/** What to do about an error of Node's TLS, or of one inside it; undefined where there is none. Never throws. */
export function tlsAdvice(error: unknown): string | undefined {
  return firstWithin(error, ({ code }: { code?: unknown }) => {
    if (typeof code !== "string") return undefined;
    if (code === "EPROTO" || code.startsWith("ERR_SSL_")) return NO_TLS;
    return CERTIFICATE.test(code) ? UNTRUSTED : undefined;
  });
}
