import { eventGridErrors } from "./errors.ts";
import type { EventGridAccess, TokenCredential } from "./options.ts";

/** Where to sign in, and how; checked. */
export interface Access {
  readonly endpoint: URL;
  /** On this machine, for an emulator. */
  readonly insecure: boolean;
  readonly secret: { readonly key: string } | { readonly sas: string } | { readonly credential: TokenCredential };
}

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** Exactly one way to sign in at an address that may be spoken to; no I/O. What is wrong is said without repeating a value. */
export function checkAccess(place: string, given: EventGridAccess): Access {
  const refused = (problem: string) => eventGridErrors.WB_EVENT_GRID_CREDENTIALS({ place, problem });
  const { endpoint, key, sas, credential } = given;
  if (typeof endpoint !== "string" || endpoint === "") throw refused("endpoint is missing");
  const url = URL.parse(endpoint);
  if (url === null || !/^https?:$/.test(url.protocol)) throw refused("endpoint is no http or https address");
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "")
    throw refused("endpoint has more than a host and a path");
  const insecure = url.protocol === "http:";
  if (insecure && !LOOPBACK.test(url.hostname)) throw refused("http goes to this machine only; use https");
  const ways = [key, sas, credential].filter((way) => way !== undefined).length;
  if (ways === 0) throw refused("no credentials were given");
  if (ways > 1) throw refused("more than one way to sign in was given");
  if (key !== undefined) {
    if (!isHeaderText(key)) throw refused("key is empty or no text of one line");
    return { endpoint: url, insecure, secret: { key } };
  }
  if (sas !== undefined) {
    if (!isHeaderText(sas) || !/^r=.*&e=.*&s=.+$/.test(sas))
      throw refused("sas is no signature of the form r=…&e=…&s=…");
    return { endpoint: url, insecure, secret: { sas } };
  }
  if (typeof credential?.getToken !== "function") throw refused("credential is no TokenCredential");
  if (insecure) throw refused("a TokenCredential is only sent over https");
  return { endpoint: url, insecure, secret: { credential } };
}

/** Anything else would be refused by the HTTP client, in a sentence that quotes it. */
const isHeaderText = (text: unknown) => typeof text === "string" && /^[\x20-\x7e]+$/.test(text) && text.trim() !== "";
