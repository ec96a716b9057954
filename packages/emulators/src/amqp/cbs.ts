import type { Peer } from "./peer.ts";
import { type Request, RequestResponse, type Response } from "./request-response.ts";
import { int } from "./values.ts";

export interface TokenRequest {
  readonly audience: string;
  readonly type: string;
  readonly token: string;
}

/** Undefined lets the token in; an answer refuses it. */
export type TokenCheck = (token: TokenRequest) => { status: number; description: string } | undefined;

type Claims = (token: TokenRequest, peer: Peer) => ReturnType<TokenCheck>;

/** The `$cbs` node: takes `put-token` and answers 202. A connection opens it once, as at the service. */
export function claimsBasedSecurity(check: Claims): RequestResponse {
  const answer = ({ session, operation, properties, body }: Request): Response => {
    const status = (code: number, text: string) => ({
      properties: new Map<string, unknown>([
        ["status-code", int(code)],
        ["status-description", text],
      ]),
    });
    if (operation !== "put-token") return status(400, `The operation '${operation}' is not known here.`);
    const audience = String(properties.get("name") ?? "");
    const token = { audience, type: String(properties.get("type") ?? ""), token: String(body ?? "") };
    const refused = check(token, session.connection);
    return refused === undefined ? status(202, "Accepted") : status(refused.status, refused.description);
  };
  return new RequestResponse(answer, { isExclusive: true });
}
