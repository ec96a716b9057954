import { optionChecks } from "@waybill/core/spi";
import { eventGridErrors } from "../errors.ts";
import { checkEntra, type EntraOptions } from "./entra.ts";
import { EVENT_GRID_ORIGIN, type HandshakeOptions } from "./handshake.ts";

/** What the event subscription sends along: under which name, and the secrets that are good. Two while one replaces the other. */
export interface WebhookSecret {
  readonly name: string;
  /** At least 8 characters each. */
  readonly secrets: readonly string[];
}

/** How requests are known to come from Event Grid: all that is given must hold. */
export interface WebhookAuthentication {
  /** A delivery property of the event subscription, marked secret: `{ name: "x-webhook-secret", secrets: […] }`. */
  readonly header?: WebhookSecret | undefined;
  /** A parameter of the endpoint's address: `{ name: "code", secrets: […] }`. It may end up in logs of what stands before us. */
  readonly query?: WebhookSecret | undefined;
  /** The bearer token that Event Grid gets from Entra ID. */
  readonly entra?: EntraOptions | undefined;
  /** Your own look at the bearer token: false refuses it (401), a rejection means that nobody can tell just now (503). */
  readonly verify?: ((token: string) => boolean | Promise<boolean>) | undefined;
  /** Takes what anybody sends: behind a gateway that has looked already. Default false. */
  readonly anonymous?: boolean | undefined;
}

export interface WebhookOptions extends WebhookAuthentication {
  /** Senders that may ask for permission in the CloudEvents handshake. Default `eventgrid.azure.net`. */
  readonly origins?: readonly string[] | undefined;
  /** Requests a minute that we agree to in that handshake. Default any. */
  readonly ratePerMinute?: number | undefined;
  /** Of one request, 1 024 to 16 777 216. Default 2 097 152: the service sends no more than 1 MB of events. */
  readonly maxBodyBytes?: number | undefined;
  /** How long a request waits for its events to be done with, its body included, 100 to 29 000; then 503. The service itself waits 30 s. Default 25 000. */
  readonly patienceMs?: number | undefined;
}

export interface WebhookSettings {
  readonly auth: WebhookAuthentication;
  readonly handshake: HandshakeOptions;
  readonly maxBodyBytes: number;
  readonly patienceMs: number;
}

const KNOWN: Readonly<Record<keyof WebhookOptions, true>> = {
  header: true,
  query: true,
  entra: true,
  verify: true,
  anonymous: true,
  origins: true,
  ratePerMinute: true,
  maxBodyBytes: true,
  patienceMs: true,
};

/** Refuses what is unknown or out of range, and an endpoint that nobody guards; repeats no value. */
export function checkWebhookOptions(options: WebhookOptions): WebhookSettings {
  if (typeof options !== "object" || options === null) throw refused("", "must be an object");
  for (const option of Object.keys(options)) {
    if (!Object.hasOwn(KNOWN, option))
      throw refused(option, `does not exist; there are ${Object.keys(KNOWN).join(", ")}`);
  }
  const { header, query, entra, verify, anonymous = false, origins = [EVENT_GRID_ORIGIN], ratePerMinute } = options;
  if (header !== undefined) checkSecret("header", header, /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/);
  if (query !== undefined) checkSecret("query", query, /^[^\s&=#?]+$/);
  if (entra !== undefined) checkEntra(entra);
  if (verify !== undefined && typeof verify !== "function") throw refused("verify", "must be a function");
  const guards = [header, query, entra, verify].filter((guard) => guard !== undefined).length;
  if (guards === 0 && anonymous !== true)
    throw refused("", "names no authentication: give header, query, entra or verify, or say anonymous: true");
  if (guards > 0 && anonymous === true) throw refused("anonymous", "stands beside an authentication; keep one of them");
  if (!Array.isArray(origins) || !origins.every((one) => typeof one === "string" && one !== ""))
    throw refused("origins", "must be a list of names");
  return {
    auth: options,
    handshake: {
      origins,
      rate: ratePerMinute === undefined ? "*" : check.whole("ratePerMinute", ratePerMinute, 1, 1_000_000),
    },
    maxBodyBytes: check.whole("maxBodyBytes", options.maxBodyBytes ?? 2_097_152, 1_024, 16_777_216),
    patienceMs: check.whole("patienceMs", options.patienceMs ?? 25_000, 100, 29_000),
  };
}

function checkSecret(option: string, secret: WebhookSecret, names: RegExp): void {
  if (typeof secret?.name !== "string" || !names.test(secret.name))
    throw refused(`${option}.name`, "is no name that a request could have");
  const { secrets } = secret;
  const good =
    Array.isArray(secrets) && secrets.length > 0 && secrets.every((one) => typeof one === "string" && one.length >= 8);
  if (!good) throw refused(`${option}.secrets`, "must list one secret or more of at least 8 characters");
}

export const refused = (option: string, problem: string) =>
  eventGridErrors.WB_EVENT_GRID_OPTION({ option: option === "" ? "webhook" : `webhook.${option}`, problem });
const check = optionChecks(refused);
