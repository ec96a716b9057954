import { AmqpError } from "../amqp/amqp-error.ts";
import type { TokenCheck, TokenRequest } from "../amqp/cbs.ts";
import type { Peer } from "../amqp/peer.ts";
import { ACCESS_RIGHTS, type AccessPolicy, type AccessRight } from "./access-policy.ts";
import { readSignature } from "./signature.ts";

/** What somebody wants to use. */
export interface Resource {
  /** As the peer wrote it, with or without scheme and host. */
  readonly path: string;
  /** The queue, topic or hub that the path belongs to; empty for the namespace itself. */
  readonly entity: string;
}

/** Rights that a token gives, or the sentence that refuses it. */
export type Verdict = { readonly rights: readonly AccessRight[] } | { readonly refusal: string };

interface Grant extends Resource {
  readonly rights: readonly AccessRight[];
}

/** Of a connection: more than any client has use for, and less than would fill the memory. */
const MAX_GRANTS = 10_000;

const ALL: Verdict = { rights: ACCESS_RIGHTS };

/**
 * Who may do what. Key names that no policy has, and peers without a token, are let in with all rights unless it is strict: any key
 * does for development. A name that a policy has must come with a key of it, at what the policy is for.
 */
export class Access {
  private readonly policies: () => readonly AccessPolicy[];
  private readonly isStrict: boolean;
  /** By peer, then by path. */
  private readonly grants = new WeakMap<Peer, Map<string, Grant>>();

  constructor(policies: () => readonly AccessPolicy[] = () => [], isStrict = false) {
    this.policies = policies;
    this.isStrict = isStrict;
  }

  /** Bearer tokens are let in unseen: there is no directory here to ask. Times are the machine's, which clients sign with. */
  judge(token: string, { path, entity }: Resource, isBearer: boolean): Verdict {
    const signature = readSignature(token);
    if (signature === undefined)
      return isBearer || !this.isStrict ? ALL : { refusal: "MalformedToken: The token is malformed." };
    const { keyName, expiresAt } = signature;
    if (expiresAt <= Date.now()) {
      const at = new Date(expiresAt).toISOString();
      return { refusal: `ExpiredToken: The token is expired. Expiration time: '${at}'.` };
    }
    const named = this.policies().filter((policy) => policy.keyName === keyName);
    if (named.length === 0 && !this.isStrict) return ALL;
    if (!isWithin(path, signature.path))
      return { refusal: "InvalidAudience: The authorization header contains a token with a wrong audience." };
    const rights = named
      .filter((policy) => policy.entity === undefined || isSame(policy.entity, entity))
      .filter(({ primaryKey, secondaryKey = "" }) => [primaryKey, secondaryKey].some(signature.isSignedWith))
      .flatMap((policy) => policy.rights);
    return rights.length === 0 ? { refusal: "InvalidSignature: The token has an invalid signature." } : { rights };
  }

  /** Answers a `put-token`, in which `next` has the last word. What the token gives stays for as long as the connection does. */
  put(
    peer: Peer,
    { audience: path, type, token }: TokenRequest,
    entity: string,
    next: () => ReturnType<TokenCheck>,
  ): ReturnType<TokenCheck> {
    const verdict = this.judge(token, { path, entity }, type === "jwt");
    if ("refusal" in verdict) return { status: 401, description: verdict.refusal };
    const refused = next();
    if (refused !== undefined) return refused;
    const own = this.grants.get(peer) ?? new Map<string, Grant>();
    this.grants.set(peer, own.set(pathOf(path), { path, entity, rights: verdict.rights }));
    if (own.size > MAX_GRANTS) own.delete(own.keys().next().value!);
    return undefined;
  }

  /** Throws `amqp:unauthorized-access` unless a token of the connection gives one of the rights. */
  demand(peer: Peer, { path, entity }: Resource, ...wanted: readonly AccessRight[]): void {
    const fitting = [...(this.grants.get(peer)?.values() ?? [])].filter(
      (grant) => isWithin(path, grant.path) && (grant.entity === "" || isSame(grant.entity, entity)),
    );
    if (fitting.length === 0 && !this.isStrict) return;
    if (fitting.some(({ rights }) => has(rights, wanted))) return;
    const claims = wanted.map((right) => `'${right}'`).join(", ");
    throw new AmqpError(
      "amqp:unauthorized-access",
      `Unauthorized access. ${claims} claim(s) are required to perform this operation. Resource: 'sb://localhost/${pathOf(path)}'.`,
    );
  }
}

export const has = (rights: readonly AccessRight[], wanted: readonly AccessRight[]): boolean =>
  rights.includes("Manage") || wanted.some((right) => rights.includes(right));

/** Hosts and schemes are not compared: a namespace here answers to any name. */
const pathOf = (text: string) =>
  text
    .replace(/^[a-z]+:\/\/[^/]*/i, "")
    .replace(/^\/+|\/+$/g, "")
    .toLowerCase();

const isWithin = (text: string, outer: string) => {
  const [path, prefix] = [pathOf(text), pathOf(outer)];
  return prefix === "" || path === prefix || path.startsWith(`${prefix}/`);
};

const isSame = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
