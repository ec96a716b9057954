import { PULL_OPERATIONS, type PullOperation } from "../pull/pull-operations.ts";

export type Route =
  | { readonly kind: "custom-publish"; readonly topic: string }
  | { readonly kind: "namespace-publish"; readonly namespace: string | undefined; readonly topic: string }
  | {
      readonly kind: "pull";
      readonly namespace: string | undefined;
      readonly topic: string;
      readonly subscription: string;
      readonly operation: PullOperation;
    }
  | { readonly kind: "validate" }
  | { readonly kind: "health" };

const NAME = "([A-Za-z0-9-]{1,64})";
const CUSTOM_PUBLISH = new RegExp(`^/${NAME}/api/events/?$`);
const NAMESPACE_PUBLISH = new RegExp(`^(?:/${NAME})?/topics/${NAME}:publish$`);
const PULL = new RegExp(`^(?:/${NAME})?/topics/${NAME}/eventsubscriptions/${NAME}:(${PULL_OPERATIONS.join("|")})$`);
const VALIDATE = new RegExp(`^/eventsubscriptions/${NAME}/validate$`);

/** From the path as it was sent: nothing is decoded or resolved, so that tricks meet no rule. */
export function parseRoute(sent: string): Route | undefined {
  const path = sent.replace(/%3A/i, ":");
  let match = CUSTOM_PUBLISH.exec(path);
  if (match !== null) return { kind: "custom-publish", topic: match[1]! };
  match = NAMESPACE_PUBLISH.exec(path);
  if (match !== null) return { kind: "namespace-publish", namespace: match[1], topic: match[2]! };
  match = PULL.exec(path);
  if (match !== null) {
    const operation = match[4] as PullOperation;
    return { kind: "pull", namespace: match[1], topic: match[2]!, subscription: match[3]!, operation };
  }
  if (VALIDATE.test(path)) return { kind: "validate" };
  return path === "/health" ? { kind: "health" } : undefined;
}
