import { createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { decoded } from "../../shared-access/decoded.ts";
import { EventGridProblem } from "../problem.ts";

export interface Gate {
  /** Either opens. In base64. */
  readonly keys: readonly string[];
  /** Of the request, without the query. */
  readonly path: string;
  readonly host: string;
  /** Namespaces know the Authorization header only; custom topics also `aeg-sas-key` and `aeg-sas-token`. */
  readonly isNamespace: boolean;
  readonly now: number;
}

/** Throws a 401. Bearer tokens are let in unseen: there is no directory here to ask. */
export function authorize(headers: IncomingHttpHeaders, gate: Gate): void {
  const [scheme = "", credential = ""] = (headers.authorization ?? "").split(/\s+(.*)/s, 2);
  const { "aeg-sas-key": key, "aeg-sas-token": token } = gate.isNamespace ? {} : headers;
  const name = scheme.toLowerCase();
  if (typeof key === "string") checkKey(key, gate);
  else if (typeof token === "string") checkToken(token, gate);
  else if (name === "sharedaccesskey") checkKey(credential, gate);
  else if (name === "sharedaccesssignature") checkToken(credential, gate);
  else if (name !== "bearer") throw missing(gate);
  else if (credential.trim() === "") throw refused(gate, "the bearer token is empty");
}

function checkKey(given: string, gate: Gate): void {
  if (!gate.keys.some((key) => isSame(key, given))) throw refused(gate, "the key is not one of the resource's keys");
}

/** `r=<resource>&e=<expiry>&s=<signature>`, the signature over what stands before it. */
function checkToken(token: string, gate: Gate): void {
  const [unsigned = "", signature] = token.split("&s=", 2);
  const fields = new URLSearchParams(unsigned);
  const [resource, expiry] = [fields.get("r"), fields.get("e")];
  if (signature === undefined || resource === null || expiry === null) throw refused(gate, "the token is malformed");
  const given = decoded(signature);
  const isSigned = gate.keys.some((key) =>
    isSame(createHmac("sha256", Buffer.from(key, "base64")).update(unsigned).digest("base64"), given),
  );
  if (!isSigned) throw refused(gate, "the token's signature is not valid");
  const expiresAt = timeOf(expiry);
  if (expiresAt === undefined || expiresAt <= gate.now) throw refused(gate, "the token has expired");
  const path = URL.canParse(resource) ? new URL(resource).pathname.toLowerCase() : undefined;
  const wanted = gate.path.toLowerCase();
  if (path === undefined || (wanted !== path && !wanted.startsWith(path.endsWith("/") ? path : `${path}/`)))
    throw refused(gate, "the token is for another resource");
}

/** As .NET writes it for en-US, or any form with a zone; UTC where there is none. */
function timeOf(text: string): number | undefined {
  const ms = /(Z|[+-]\d\d:?\d\d)$/.test(text) ? Date.parse(text) : Date.parse(`${text} UTC`);
  return Number.isNaN(ms) ? undefined : ms;
}

function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

const missing = ({ isNamespace }: Gate) =>
  new EventGridProblem(
    401,
    `Request must contain one of the following authorization signature: ${isNamespace ? "SharedAccessKey, SharedAccessSignature, Bearer" : "aeg-sas-token, aeg-sas-key"}.`,
  );

const refused = ({ host }: Gate, why: string) =>
  new EventGridProblem(
    401,
    `The request authorization key is not authorized for ${host.toUpperCase()}. This is due to the reason: ${why}.`,
  );
