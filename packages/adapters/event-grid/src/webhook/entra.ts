import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
  jwtVerify,
} from "jose";
import { eventGridErrors } from "../errors.ts";

export interface EntraOptions {
  /** The directory that the webhook's app registration is in. */
  readonly tenantId: string;
  /** The app registration: its application id, or id URI. */
  readonly audience: string | readonly string[];
  /** Application ids that tokens may be of. Default Event Grid's own in the public cloud, `4962773b-9cdb-44cf-a8bf-237846a00ab7`. */
  readonly appIds?: readonly string[] | undefined;
  /** An app role that the token must have, such as `AzureEventGridSecureWebhookSubscriber`. Default none. */
  readonly role?: string | undefined;
  /** Issuers of tokens. Default the tenant's two, v1 and v2. */
  readonly issuers?: readonly string[] | undefined;
  /** Where the signing keys are, or the keys. Default the tenant's; they are fetched when the first token comes, and kept. */
  readonly jwks?: string | JSONWebKeySet | undefined;
}

/** Event Grid in the public cloud. */
const EVENT_GRID = "4962773b-9cdb-44cf-a8bf-237846a00ab7";
const FETCH_MS = 5_000;
const CLOCK_TOLERANCE_S = 60;

export function checkEntra(options: EntraOptions): void {
  if (typeof options?.tenantId !== "string" || !/^[A-Za-z0-9.-]+$/.test(options.tenantId))
    throw refused("tenantId", "must be a tenant's id");
  const audiences = [options.audience].flat();
  if (audiences.length === 0 || !audiences.every((one) => typeof one === "string" && one !== ""))
    throw refused("audience", "is missing");
  if (typeof options.jwks === "string" && URL.parse(options.jwks)?.protocol !== "https:")
    throw refused("jwks", "must be an https address, or the keys themselves");
}

/**
 * A check of bearer tokens: signature, issuer, audience, time, and that it is Event Grid's. Resolves false for a token that is not good; rejects while nobody
 * can tell, because the keys cannot be had.
 */
export function entraVerifier(options: EntraOptions): (token: string) => Promise<boolean> {
  const { tenantId, audience, appIds = [EVENT_GRID], role, jwks } = options;
  const issuer = [
    ...(options.issuers ?? [
      `https://sts.windows.net/${tenantId}/`,
      `https://login.microsoftonline.com/${tenantId}/v2.0`,
    ]),
  ];
  const keys = keysOf(jwks ?? `https://login.microsoftonline.com/${tenantId}/discovery/v2.0/keys`);
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience: [audience].flat() as string[],
        algorithms: ["RS256"],
        requiredClaims: ["exp"],
        clockTolerance: CLOCK_TOLERANCE_S,
      });
      const app = payload.appid ?? payload.azp;
      const { roles } = payload;
      if (typeof app !== "string" || !appIds.includes(app)) return false;
      return role === undefined || (Array.isArray(roles) && roles.includes(role));
    } catch (error) {
      if (isTheTokens(error)) return false;
      throw error;
    }
  };
}

function keysOf(jwks: string | JSONWebKeySet): JWTVerifyGetKey {
  return typeof jwks === "string"
    ? createRemoteJWKSet(new URL(jwks), { timeoutDuration: FETCH_MS })
    : createLocalJWKSet(jwks);
}

/** The keys' own trouble says nothing about the token; a key that is not among them does. */
function isTheTokens(error: unknown): boolean {
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) return false;
  // What the fetch of the keys answered.
  if (error instanceof errors.JOSEError) return error.code !== "ERR_JOSE_GENERIC";
  return false;
}

const refused = (option: string, problem: string) =>
  eventGridErrors.WB_EVENT_GRID_OPTION({ option: `webhook.entra.${option}`, problem });
