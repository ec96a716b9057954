import { firstWithin } from "./kind-within.ts";

const NO_TLS = "what answers there speaks no TLS, or none of a common version; check scheme, port and address";
const EXPIRED = "the certificate there is past its time, or before it: have it renewed, and check this machine's clock";
const OTHER_NAME =
  "the certificate there is for other names; use an address that it names, or have this one added to it";
const REFUSED =
  "what answers there asks for a certificate of this client, or does not trust the one that it got; check certificate, key and who signed them";

/** Alerts about a certificate are the peer's about ours. OpenSSL has named them in two ways. */
const ALERT = /^ERR_SSL_.*_ALERT_(?:\w*CERTIFICATE\w*|UNKNOWN_CA|ACCESS_DENIED)$/;
const DATES = /^CERT_(?:HAS_EXPIRED|NOT_YET_VALID)$/;
const NAMES = /^(?:ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/;
const TRUST =
  /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|CERT_\w+|INVALID_CA|INVALID_PURPOSE)$/;

/**
 * What to do about an error of Node's TLS, or of one inside it; undefined where there is none. `trust`: where the caller's user names an authority
 * to trust, beside the variable that Node has for it. Never throws.
 */
export function tlsAdvice(error: unknown, trust?: string): string | undefined {
  return firstWithin(error, ({ code }: { code?: unknown }) => {
    if (typeof code !== "string") return undefined;
    if (ALERT.test(code)) return REFUSED;
    if (code === "EPROTO" || code.startsWith("ERR_SSL_")) return NO_TLS;
    if (DATES.test(code)) return EXPIRED;
    if (NAMES.test(code)) return OTHER_NAME;
    if (!TRUST.test(code)) return undefined;
    const place = trust === undefined ? "NODE_EXTRA_CA_CERTS" : `${trust} or NODE_EXTRA_CA_CERTS`;
    return `this process does not trust the certificate there; name its authority in ${place}, or correct the address`;
  });
}

/** One of the two does not trust the other's certificate, or does not get one: nothing that passes by itself. */
export const isCertificateTrouble = (code: string): boolean =>
  [ALERT, DATES, NAMES, TRUST].some((pattern) => pattern.test(code));
