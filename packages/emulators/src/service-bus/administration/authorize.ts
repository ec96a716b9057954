import { type Access, has } from "../../shared-access/access.ts";
import type { AccessRight } from "../../shared-access/access-policy.ts";
import { HttpProblem } from "./http-problem.ts";
import { parseRoute, type Route } from "./route.ts";

const CLAIMS: Readonly<Record<string, string>> = {
  GET: "Manage,EntityRead claims required for this operation.",
  PUT: "Authorization failed for specified action: Manage,EntityWrite.",
  DELETE: "Authorization failed for specified action: Manage,EntityDelete.",
};

/** Throws a 401. Everything is managed with Manage, but rules of a subscription, for which Listen is enough, as documented. */
export function authorize(access: Access, token: string | undefined, method: string, pathname: string): void {
  const route = parseRoute(pathname);
  if (route?.kind === "health") return;
  if (token === undefined) throw new HttpProblem(401, "SubCode=40100. The request has no authorization header.");
  const entity = route === undefined ? "" : entityOf(route);
  const verdict = access.judge(token, { path: pathname, entity }, /^Bearer /i.test(token));
  if ("refusal" in verdict) throw new HttpProblem(401, verdict.refusal);
  const wanted: readonly AccessRight[] = route?.kind === "rule" || route?.kind === "rules" ? ["Listen"] : ["Manage"];
  if (!has(verdict.rights, wanted)) throw new HttpProblem(401, CLAIMS[method] ?? "Unauthorized.");
}

function entityOf(route: Route): string {
  if ("topic" in route) return route.topic;
  return route.kind === "entity" ? route.name : "";
}
